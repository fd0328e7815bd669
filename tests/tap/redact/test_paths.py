"""Paths into JSON: what they lead to, and what is wrong with them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.redact.json_text import MAX_DEPTH, TooDeep, at_paths, leaves_of
from tap.redact.paths import PathError, Paths, parse

DOCUMENT = {
    "user": {"ssn": "123", "cards": [{"number": 4, "n": 1}, {"number": "5"}], "odd key": "o"},
    "list": [{"iban": "i1"}, {"x": {"iban": ["i2", {"deep": "i3"}]}}],
}


def at(path: str, data: bytes = json.dumps(DOCUMENT).encode()) -> list[str]:
    return [data[start:end].decode() for start, end, _ in at_paths(data, Paths([path]))]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$.user.ssn", ["123"]),
        ("user.ssn", ["123"]),
        ("user.cards[*].number", ["4", "5"]),
        ("user.cards[1].number", ["5"]),
        ("$['user'][\"odd key\"]", ["o"]),
        ("$..iban", ["i1", "i2", "i3"]),
        ("list[*].*", ["i1", "i2", "i3"]),
        ("user.cards", ["4", "1", "5"]),
        ("user.nothing", []),
        ("user.cards.number", []),
    ],
)
def test_a_path_leads_to_values(path: str, values: list[str]) -> None:
    assert at(path) == values


def test_documents_in_a_row_are_each_walked() -> None:
    assert at("a.b", b'data: {"a": {"b": 1}}\n\ndata: {"a": {"b": "2"}}\n{"a": [], "b": 3}') == [
        "1",
        "2",
    ]


def test_a_value_that_was_cut_off_is_a_value() -> None:
    assert at("a.b", b'{"a": {"b": "hunt') == ["hunt"]
    assert at("a.b", b'{"a": {"b": "hunt\\') == ["hunt\\"]
    assert at("a.b", b'{"a": {"b') == []


def test_a_key_with_escapes_is_the_key_that_it_says() -> None:
    assert at("user.ssn", rb'{"us\u0065r": {"ssn": "1"}}') == ["1"]


def test_a_document_without_the_words_of_a_path_is_not_walked() -> None:
    assert not Paths(["a.ssn"]).may_be_in(b'{"a": 1}')
    assert Paths(["a[*]"]).may_be_in(b'{"a": 1}')
    assert not Paths([]).may_be_in(b'{"a": 1}')


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("", 1),
        ("$", 1),
        ("user..", 5),
        (".a", 1),
        ("a[b]", 2),
        ("a b", 2),
        ("a[?(@.x)]", 2),
        ("$a", 2),
    ],
)
def test_what_is_no_path_is_an_error_with_its_column(path: str, column: int) -> None:
    with pytest.raises(PathError) as error:
        parse(path)
    assert error.value.column == column


def test_depth_is_bounded() -> None:
    list(at_paths(b"[" * MAX_DEPTH, Paths(["$..a"])))
    with pytest.raises(TooDeep):
        list(at_paths(b"[" * (MAX_DEPTH + 1), Paths(["$..a"])))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)


@given(json_values)
def test_the_leaves_of_a_value_are_its_strings_and_numbers(value: object) -> None:
    def leaves(it: object) -> list[object]:
        if isinstance(it, dict | list):
            inner = it.values() if isinstance(it, dict) else it
            return [one for each in inner for one in leaves(each)]
        return [it] if it not in ("", None) and not isinstance(it, bool) else []

    data = json.dumps([value]).encode()
    found, end = leaves_of(data, 0)
    shown = [data[a - string : b + string] for a, b, string in found]
    assert [json.loads(one) for one in shown] == leaves(value)
    assert end == len(data)
    everything = [data[a - s : b + s] for a, b, s in at_paths(data, Paths(["$[*]"]))]
    assert everything == shown
