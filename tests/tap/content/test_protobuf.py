"""The wire format without descriptors; protobuf's own C core says what is a message."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import empty_pb2, unknown_fields
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from tap.content.nouns import Undecodable
from tap.content.protobuf import MAX_FIELDS, Field, by_number, fields_of, varint, whole_fields
from tests.tap.content.given import made, message


def by_the_c_core(data: bytes) -> list[Any] | None:
    """The fields that protobuf found in a message that knows none, or None where it refused."""
    empty = empty_pb2.Empty()
    try:
        empty.MergeFromString(data)
    except DecodeError:
        return None
    return _listed(unknown_fields.UnknownFieldSet(empty))


def _listed(found: Any) -> list[Any]:
    return [
        (one.field_number, one.wire_type, _listed(one.data) if one.wire_type == 3 else one.data)
        for one in (found[at] for at in range(len(found)))
    ]


def ours(data: bytes) -> list[Any] | None:
    try:
        return [_plain(field) for field in fields_of(data)]
    except Undecodable:
        return None


def _plain(field: Field) -> Any:
    value = field.value
    held = [_plain(one) for one in value] if isinstance(value, tuple) else value
    return (field.number, field.wire, held)


FIELD = st.builds(
    lambda number, wire, rest: varint(number << 3 | wire) + rest,
    st.integers(0, 20),
    st.integers(0, 7),
    st.binary(max_size=12),
)


@given(st.one_of(st.binary(max_size=40), st.lists(FIELD, max_size=5).map(b"".join)))
@example(b"\x0b\x08\x01\x0c")  # a group
@example(b"\x0b\x0b\x0c\x0c")
@example(b"\x0c")
@example(b"\x08" + b"\x80" * 9 + b"\x01")  # the longest number
@example(b"\x08" + b"\xff" * 9 + b"\x7f")
@example(b"\x88\x80\x80\x80\x10\x01")  # a field number beyond 29 bits
@example(b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")
def test_the_fields_are_those_that_protobuf_finds(data: bytes) -> None:
    found = by_the_c_core(data)
    assert ours(data) == (None if found and _has_number_0(found) else found)


def _has_number_0(found: list[Any]) -> bool:
    """The C core lets it pass; the specification begins with 1."""
    return any(one[0] == 0 or (one[1] == 3 and _has_number_0(one[2])) for one in found)


def test_strings_messages_and_bytes_are_told_apart() -> None:
    reply = message("HelloReply", text="hello", length=3)
    data = b"\x0a" + varint(len(reply)) + reply + b"\x12\x03\xff\x00\x01" + b"\x1a\x02ab"
    value, text, _ = by_number(data)
    assert value == {"1": {"1": "hello", "2": 3}, "2": {"hex": "ff0001"}, "3": "ab"}
    assert text.splitlines() == [
        "1 {",
        '  1: "hello"',
        "  2: 3",
        "}",
        "2: 3 bytes ff 00 01",
        '3: "ab"',
    ]


def test_a_number_that_comes_again_has_a_list_and_fixed_ones_may_be_floats() -> None:
    request = made("HelloRequest")(weight=1.5).SerializeToString()
    value, text, _ = by_number(b"\x08\x01\x08\x02" + request)
    assert value == {"1": [1, 2], "8": {"fixed": 0x3FF8000000000000, "float": 1.5}}
    assert text.splitlines()[-1] == "8: 0x3ff8000000000000  # 1.5 as a float"


def test_a_cut_keeps_the_fields_before_it() -> None:
    data = message("HelloReply", text="hello", length=3)
    assert whole_fields(data) == data
    assert whole_fields(data[:-1]) == data[:7]
    assert whole_fields(data[:5]) == b""


def test_more_fields_than_anybody_reads_are_counted() -> None:
    value, _, notes = by_number(b"\x08\x01" * (MAX_FIELDS + 1))
    assert len(value["1"]) == MAX_FIELDS
    assert notes == (f"only the first {MAX_FIELDS:,} fields are shown",)


def test_nesting_ends_at_a_depth() -> None:
    data = b""
    for _ in range(200):
        data = b"\x0a" + varint(len(data)) + data
    _, text, _ = by_number(data)
    assert "bytes 0a" in text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x08", "it ends within a number"),
        (b"\x00", "a field with the number 0"),
        (b"\x0a\x05ab", "a field is longer than the message"),
        (b"\x0b\x08\x01", "group 1 has no end"),
        (b"\x0f", "field 1 has the wire type 7"),
        (b"\x08" + b"\xff" * 11, "a number of more than 10 bytes"),
    ],
)
def test_what_is_no_message_says_why(data: bytes, said: str) -> None:
    with pytest.raises(Undecodable, match=said):
        by_number(data)
