from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_yaml import libyaml, yaml
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

pytest.importorskip("yaml.cyaml", reason="PyYAML without libyaml")

PLAIN = """
# services of a shop
name: shop
mesh:
  services:
    reviews: {versions: {v1: , v2: {port: 9081}}, hosts: [a.b, 'c d']}
    ratings:
      env: {RATE: 1.5, OLD: 08s, ON: yes, OFF: false, "no": "5"}
      run: |
        python app.py
        echo done
patterns:
- on: reviews -> ratings
  after: 2s
- {send: 72..128, share: 7%..13%, retry_on: [5xx], of: 10.0.0.1, at: 0x, for: 1h30m, in: 1:30}
"""
PARTS = st.sampled_from(
    [
        *(
            "a",
            "1",
            "-1",
            "1.5",
            "0x1f",
            "2s",
            "'q'",
            '"d"',
            "~",
            "true",
            "<<",
            "=",
            ".inf",
            "é",
            "😀",
        ),
        *(": ", ":", "- ", "-", "? ", "[", "]", "{", "}", ", ", ",", "\n", "\n  ", "\n    ", " "),
        *(
            "#c",
            " # c",
            "|\n  ",
            ">-\n  ",
            "---\n",
            "...\n",
            "\\",
            "@",
            "!",
            "&x ",
            "*x",
            "%",
            "\t",
        ),
    ]
)


def read(text: str) -> list[Node] | None:
    return libyaml.documents(text, "m.yaml", 1000, 100)


def shape(node: Node) -> Any:
    """All of a node but where nothing stands, of which there are two opinions."""
    if isinstance(node.value, dict):
        value: Any = [(name, shape(item)) for name, item in node.value.items()]
    elif isinstance(node.value, tuple):
        value = [shape(item) for item in node.value]
    else:
        value = repr(node.value)  # 1 is not True here
    return value, node.key, None if node.value is None else node.place


def test_plain_text_is_read_as_ruamel_reads_it_places_and_all() -> None:
    found = read(PLAIN)
    assert found
    assert [shape(node) for node in found] == [shape(n) for n in yaml.slowly(PLAIN, "m.yaml")]
    assert str(found[0].find("mesh", "services", "reviews", "hosts", 1).place) == "m.yaml:6:64"


@given(st.lists(PARTS, max_size=14).map("".join) | st.text())
def test_what_is_read_at_all_is_read_alike(text: str) -> None:
    found = read(text)
    if found is not None:
        assert [shape(node) for node in found] == [shape(n) for n in yaml.slowly(text, "m.yaml")]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a: {",
            "a: 1\na: 2",
            "&x a",
            "[*x]",
            "!x a",
            "<<: {}",
            "? [a]\n: b",
            "%YAML 1.1\n---\na",
        ),
        *("a:\tb", "a: 0x1f", "a: 1e3", "2001-01-01", "a: .inf", "|\n \n  a", "|#c\n", "a\u2028b"),
        *("[" * 102 + "]" * 102, "\ud800", "\0"),
    ],
)
def test_what_the_two_may_see_differently_is_left_to_ruamel(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize("part", ["[", "{", "- ", "? ", "a: {b: [", "- - ", '"', "a:\n "])
def test_a_hostile_file_of_a_million_signs_is_given_up_at_once(part: str) -> None:
    began = time.process_time()
    assert read(part * (1_000_000 // len(part))) is None
    assert time.process_time() - began < 1.0


def test_without_libyaml_everything_is_ruamels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libyaml, "CParser", None)
    assert read("a: 1") is None
    assert yaml.parse("a: 1", "m.yaml")[0].plain() == {"a": 1}
    with pytest.raises(DocumentError, match="m.yaml:1:5: is not YAML"):
        yaml.parse("a: {", "m.yaml")


def test_more_values_than_are_read_are_nobody_elses_affair() -> None:
    with pytest.raises(libyaml.TooMuch, match="stands for more than 1000 values") as caught:
        libyaml.documents("[" + "a, " * 1000 + "]", "m.yaml", 1000, 100)
    assert str(caught.value.place) == "m.yaml:1:2999"
