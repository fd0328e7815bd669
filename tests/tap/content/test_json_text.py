"""JSON bodies: whole, in a row, cut off at any byte, and none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.content import view
from tap.content.json_text import laid_out
from tap.content.text import MAX_DEPTH
from tests.tap.content.given import sent

JSON = "application/json"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_the_layout_is_the_one_of_python_and_says_the_same(value: object) -> None:
    text, _ = laid_out(json.dumps(value))
    assert text == json.dumps(value, indent=2)


def test_numbers_keep_their_digits_and_names_that_come_twice_are_seen_twice() -> None:
    shown = view(sent(b'{"a":1.000000000000000000001,"a":1e2}', JSON), "request")
    assert shown.text == '{\n  "a": 1.000000000000000000001,\n  "a": 1e2\n}'
    assert shown.value == {"a": 100.0}


@given(VALUES.filter(lambda value: isinstance(value, dict | list)), st.data())
def test_what_is_cut_off_anywhere_has_the_value_of_its_beginning(
    value: object, data: st.DataObject
) -> None:
    whole = json.dumps(value).encode()
    end = data.draw(st.integers(1, len(whole)))
    shown = view(sent(whole[:end], JSON, cut=True), "request")
    assert shown.kind == "json"
    assert is_beginning(shown.value, value)


def is_beginning(part: object, whole: object) -> bool:
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(is_beginning, part, whole))
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and is_beginning(one, whole[name]) for name, one in part.items())
    return part == whole


def test_a_number_at_the_cut_is_not_believed() -> None:
    assert view(sent(b'{"a": 1, "b": 12', JSON, cut=True), "request").value == {"a": 1}


def test_documents_in_a_row_are_a_list() -> None:
    for type, data in (
        ("application/x-ndjson", b'{"a":1}\n{"a":2}\n'),
        (JSON, b'{"a":1} {"a":2}'),
        ("application/json-seq", b'\x1e{"a":1}\n\x1e{"a":2}\n'),
    ):
        shown = view(sent(data, type), "request")
        assert (shown.kind, shown.value) == ("json lines", [{"a": 1}, {"a": 2}])
    cut = view(sent(b'{"a":1}\n{"a"', "application/x-ndjson", cut=True), "request")
    assert (cut.value, cut.notes) == ([{"a": 1}], ("document 2 is cut off",))


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b"{oops", "no JSON: Expecting property name"),
        (b"[NaN]", "no JSON: NaN is no JSON"),
        (b"1" * 5000, "no JSON: Exceeds the limit"),
        (b"\xff\xfe", "no JSON: "),
    ],
)
def test_what_is_none_is_shown_as_it_is_with_the_reason(data: bytes, note: str) -> None:
    shown = view(sent(data, JSON), "request")
    assert shown.value is None
    assert shown.kind in ("text", "binary")
    assert shown.notes[0].startswith(note)


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5_000, 500_000])
def test_deep_nesting_has_a_text_and_no_value(depth: int) -> None:
    shown = view(sent(b"[" * depth + b"]" * depth, JSON), "request")
    assert shown.kind == "json"
    assert shown.value is None
    assert any("deep" in note for note in shown.notes)
