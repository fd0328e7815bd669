"""Checked against bytes written by hand from the spec, never by a round trip alone."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wasm_filters.pairs import MAX_BYTES, MAX_PAIRS, PairsError, decode_pairs, encode_pairs

# v0.2.1, "Serialization": {"a": "1"}, {"b": "22"}. Its 0x49 and 0x50 are the decimal codes of the
# digits 1 and 2, and each size takes four bytes.
SPEC = bytes.fromhex(
    "02000000"
    "01000000 01000000 01000000 02000000"
    "61 00 31 00"
    "62 00 32 32 00"
)  # fmt: skip
SPEC_PAIRS = [(b"a", b"1"), (b"b", b"22")]


def test_pairs_are_the_bytes_of_the_spec() -> None:
    assert encode_pairs(SPEC_PAIRS) == SPEC
    assert decode_pairs(SPEC) == SPEC_PAIRS


def test_no_pairs_are_a_count_of_zero() -> None:
    assert encode_pairs([]) == b"\0\0\0\0"


@pytest.mark.parametrize("empty", [b"", b"\0", b"\0\0\0\0"])
def test_an_empty_map_has_three_forms(empty: bytes) -> None:
    assert decode_pairs(empty) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\1\0", "2 bytes, expected at least 4 for the number of pairs"),
        (struct.pack("<I", MAX_PAIRS + 1), "1025 pairs, expected at most 1024"),
        (struct.pack("<II", 1, 1), "8 bytes, expected 12 for the sizes of 1 pairs"),
        (SPEC + b"x", "1 bytes after the last pair, expected none"),
        (SPEC[:-1], "no NUL at 28 of 28, where a string of 2 bytes ends"),
        (SPEC[:21] + b"x" + SPEC[22:], "no NUL at 21 of 29, where a string of 1 bytes ends"),
        (struct.pack("<III", 1, 0xFFFFFFFF, 0) + b"\0\0", "no NUL at 4294967307 of 14"),
        (b"\0" * (MAX_BYTES + 1), "1048577 bytes of pairs, expected at most 1048576"),
    ],
)
def test_what_is_no_map_is_refused_with_its_place(data: bytes, message: str) -> None:
    with pytest.raises(PairsError, match=message):
        decode_pairs(data)


@given(st.binary())
@example(b"\x01\x00\x00\x00")
@example(SPEC)
def test_any_bytes_are_pairs_or_a_pairs_error(data: bytes) -> None:
    with contextlib.suppress(PairsError):
        decode_pairs(data)


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=20))
def test_what_was_written_is_read(pairs: list[tuple[bytes, bytes]]) -> None:
    assert decode_pairs(encode_pairs(pairs)) == pairs


@given(st.integers(0, len(SPEC) - 1), st.integers(0, 255))
def test_one_wrong_byte_never_crashes(at: int, byte: int) -> None:
    with contextlib.suppress(PairsError):
        decode_pairs(SPEC[:at] + bytes([byte]) + SPEC[at + 1 :])
