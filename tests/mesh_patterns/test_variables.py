from __future__ import annotations

import pytest

from mesh_patterns.variables import substitute
from mesh_yaml import yaml
from mesh_yaml.node import Node, Tree
from mesh_yaml.place import DocumentError, Place

VALUES: dict[str, Tree] = {"n": 10, "yes": True, "s": "x", "list": [1, 2], "nothing": None}
VARIABLES = {name: Node.of(value, Place("vars.yaml", 9, 9)) for name, value in VALUES.items()}


def filled(text: str) -> object:
    return substitute(yaml.parse(text, "m.yaml")[0], VARIABLES).plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${n}", 10),
        ("${ n }", 10),
        ("${yes}", True),
        ("${list}", [1, 2]),
        ("${nothing}", None),
        ("a ${n} ${yes} ${s}", "a 10 true x"),
        ("$${n}", "${n}"),
        ("$$", "$"),
        ("$$$${n}", "$${n}"),
        ("$$${n}", "$10"),
        ("$n", "$n"),
        ("100$", "100$"),
        ("${n", "${n"),
    ],
)
def test_a_reference_becomes_its_value(text: str, value: object) -> None:
    assert filled(f"'{text}'") == value


def test_references_are_filled_in_everywhere_but_in_keys() -> None:
    assert filled("{'${n}': ['${n}', {a: '${s}'}]}") == {"${n}": [10, {"a": "x"}]}


def test_a_filled_value_stands_where_its_reference_stood() -> None:
    node = substitute(yaml.parse("a: ${n}", "m.yaml")[0], VARIABLES)
    assert str(node.find("a").place) == "m.yaml:1:4"
    assert str(node.find("a").key) == "m.yaml:1:1"


def test_without_variables_a_reference_may_have_been_meant_as_text() -> None:
    with pytest.raises(DocumentError, match="no variable 'm'; '\\$\\${' stands for a literal"):
        substitute(Node("${m}", Place("m.yaml")), {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("${m}", "m.yaml:1:4: no variable 'm'; there is 'n', 'yes', 's', 'list', 'nothing'"),
        ("${lst}", "m.yaml:1:4: no variable 'lst'; did you mean 'list'?"),
        ("a ${list}", "vars.yaml:9:9: expected text, got a list"),
        ("a ${nothing}", "vars.yaml:9:9: expected text, got nothing"),
    ],
)
def test_what_can_not_be_filled_in_is_refused(text: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        filled(f"a: '{text}'")
    assert str(caught.value) == told
