from __future__ import annotations

import time

from hypothesis import given
from hypothesis.strategies import lists, sampled_from, tuples

from meshloom.proof_page.layout import bend, layers

NAMES = ["a", "b", "c", "d", "e"]


def test_a_service_stands_behind_its_last_caller() -> None:
    found = layers(NAMES, [("a", "b"), ("b", "c"), ("a", "c"), ("x", "y")])
    assert [set(row) for row in found] == [{"a", "d", "e"}, {"b", bend("a", "c", 1)}, {"c"}]


def test_a_circle_has_a_way_through() -> None:
    found = layers(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a"), ("b", "b")])
    assert found == [["a"], ["b"], ["c"]]


def test_edges_cross_no_more_than_they_have_to() -> None:
    first, second = layers(["a", "b", "x", "y"], [("a", "y"), ("b", "x")])
    assert first.index("a") == second.index("y")


@given(lists(tuples(sampled_from(NAMES), sampled_from(NAMES)), max_size=15))
def test_every_node_stands_once(edges: list[tuple[str, str]]) -> None:
    found = [name for row in layers(NAMES, edges) for name in row if name in NAMES]
    assert sorted(found) == NAMES


def test_nothing_is_no_layer() -> None:
    assert layers([], [("a", "b")]) == []


def test_a_long_chain_is_no_trouble() -> None:
    names = [f"s{i}" for i in range(2000)]
    start = time.perf_counter()
    assert len(layers(names, zip(names, names[1:], strict=False))) == 2000
    assert time.perf_counter() - start < 5
