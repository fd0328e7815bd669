from __future__ import annotations

import pytest

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.connections import led
from mesh_yaml.node import Node
from mesh_yaml.place import Place

HERE = Place("x.yaml", 3, 4)


@pytest.mark.parametrize(
    ("weights", "shares", "told"),
    [
        ({"a/1": 1, "a/2": 1}, {"a/1": 50, "a/2": 50}, 0),
        ({"a/1": 1, "a/2": 1, "a/3": 1}, {"a/1": 34, "a/2": 33, "a/3": 33}, 1),
        ({"a/1": 999, "a/2": 1}, {"a/1": 100, "a/2": 0}, 1),
        ({"a/2": 7}, {"a/2": 100}, 0),
    ],
)
def test_shares_are_hundredths_that_add_up(
    weights: dict[str, int], shares: dict[str, int], told: int
) -> None:
    said: list[str] = []
    to = {name: Node(weight, HERE) for name, weight in weights.items()}
    entry = Entry("a", "default", HERE)
    (made,) = led("mesh", entry, to, HERE, lambda what, node: said.append(what))
    assert made.plain() == {"pattern": "canary", "on": "mesh -> a", "weights": shares}
    assert len(said) == told


def test_all_of_a_service_is_no_share() -> None:
    entry = Entry("a", "default", HERE)
    assert not list(led("mesh", entry, {"a": Node(1, HERE)}, HERE, lambda what, node: None))
