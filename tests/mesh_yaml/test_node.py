from __future__ import annotations

import pytest

from mesh_yaml import yaml
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

HERE = Place("m.yaml", 3, 4)
TREE = yaml.parse("a:\n  - {b: 1}\n  - c\n'200': x\n", "m.yaml")[0]


def test_a_node_of_plain_values_is_at_one_place_but_for_nodes_in_it() -> None:
    own = Node("kept", Place("other.yaml"))
    made = Node.of({"a": [1, own], "b": (None,)}, HERE)
    assert made.plain() == {"a": [1, "kept"], "b": [None]}
    assert [str(made.find(*path).place) for path in ((), ("a", 0), ("a", 1), ("b", 0))] == [
        "m.yaml:3:4",
        "m.yaml:3:4",
        "other.yaml:1:1",
        "m.yaml:3:4",
    ]
    assert Node.of(own, HERE) is own


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 1, 1),
        (("a",), 2, 3),
        (("a", 0), 2, 5),
        (("a", 0, "b"), 2, 9),
        (("a", 1), 3, 5),
        (("a", 1, "deeper"), 3, 5),
        (("a", "MatchSpec", 0, "b"), 2, 9),  # the tag of a union is no step
        (("a", 7), 2, 3),
        ((200,), 4, 8),
    ],
)
def test_find_gives_the_deepest_that_is_there(
    path: tuple[str | int, ...], line: int, column: int
) -> None:
    assert TREE.find(*path).place == Place("m.yaml", line, column)


def test_get_looks_into_mappings_only() -> None:
    assert TREE.get("a") is not None
    assert TREE.get("z") is None
    assert TREE.find("a").get("a") is None


def test_nothing_has_no_items_and_no_elements() -> None:
    assert list(Node(None, HERE).items()) == []
    assert Node(None, HERE).elements() == ()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({}, "a mapping"),
        ((), "a list"),
        (None, "nothing"),
        ("5", "'5'"),
        (5, "5"),
        (True, "True"),
    ],
)
def test_what_something_is_not_is_said_in_words(value: object, kind: str) -> None:
    node = Node(value, HERE)  # type: ignore[arg-type] # wrong on purpose
    assert node.kind == kind
    for wanted, work in (("a mapping", lambda: list(node.items())), ("a list", node.elements)):
        if kind not in (wanted, "nothing"):
            with pytest.raises(DocumentError) as caught:
                work()
            assert str(caught.value) == f"m.yaml:3:4: expected {wanted}, got {kind}"


def test_numbers_and_flags_are_text_as_yaml_writes_them() -> None:
    assert [Node(value, HERE).text() for value in ("a", 5, 1.5, True, False)] == [
        "a",
        "5",
        "1.5",
        "true",
        "false",
    ]
    with pytest.raises(DocumentError, match="expected text, got nothing"):
        Node(None, HERE).text()


def test_where_a_key_stands_does_not_make_a_node_another() -> None:
    assert Node(1, HERE, Place("a")) == Node(1, HERE, Place("b"))
