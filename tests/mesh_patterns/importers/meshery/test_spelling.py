from __future__ import annotations

import pytest

from mesh_patterns.importers.meshery.spelling import respell
from mesh_yaml.place import DocumentError
from mesh_yaml.yaml import parse


def respelled(text: str) -> object:
    return respell(parse(text, "a.yaml")[0]).plain()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("container Port: 80", {"containerPort": 80}),
        ("a B: [{c D: {e F G: 1}}]", {"aB": [{"cD": {"eFG": 1}}]}),
        ("labels: {my app: b}", {"labels": {"my app": "b"}}),
        ("annotations: {a b: c}", {"annotations": {"a b": "c"}}),
        ("match Labels: {a b: c}", {"matchLabels": {"a b": "c"}}),
        ("selector: {my app: b}", {"selector": {"my app": "b"}}),
        ("selector: {match Labels: {a b: c}}", {"selector": {"matchLabels": {"a b": "c"}}}),
        ("data: {a file.conf: 'x Y: z'}", {"data": {"a file.conf": "x Y: z"}}),
        ("config Map: {name: a}", {"configMap": {"name": "a"}}),
        ("text: keep my spaces", {"text": "keep my spaces"}),
    ],
)
def test_keys_are_respelled_where_they_are_the_formats_own(text: str, expected: object) -> None:
    assert respelled(text) == expected


def test_a_key_in_both_spellings_is_an_error() -> None:
    with pytest.raises(DocumentError) as caught:
        respelled("apiGroups: [a]\napi Groups: [b]\n")
    assert str(caught.value) == "a.yaml:2:1: key 'apiGroups' comes twice, first at a.yaml:1:1"


def test_a_respelled_key_keeps_its_place() -> None:
    node = respell(parse("a:\n  b C: 1\n", "a.yaml")[0]).find("a", "bC")
    assert (str(node.key), str(node.place)) == ("a.yaml:2:3", "a.yaml:2:8")
