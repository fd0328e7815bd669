"""A few fields of headers, against another HPACK implementation's bytes and the RFC's own."""

from __future__ import annotations

import contextlib
from typing import Any

import hpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap.ext_proc.header_block import BlockError, named

FIELDS = [
    (":method", "POST"),
    (":path", "/envoy.service.ext_proc.v3.ExternalProcessor/Process"),
    ("te", "trailers"),
    ("x-ours-client", "127.0.0.1:40000"),
    ("x-ours-long", "z" * 5_000),
    ("x-other", "no"),
]
WANTED = {"client": "127.0.0.1:40000", "long": "z" * 5_000}


def coded(fields: Any, huffman: bool = True) -> bytes:
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    block: bytes = encoder.encode(fields, huffman=huffman)
    return block


@pytest.mark.parametrize("huffman", [True, False])
def test_the_fields_that_were_asked_for_are_found(huffman: bool) -> None:
    assert named(coded(FIELDS, huffman), "x-ours-") == WANTED


def test_the_rfcs_own_examples_are_read() -> None:
    # RFC 7541, C.2.1 to C.2.3: with and without indexing, never indexed
    assert named(bytes.fromhex("400a637573746f6d2d6b65790d637573746f6d2d686561646572"), "cus") == {
        "tom-key": "custom-header"
    }
    assert named(bytes.fromhex("040c2f73616d706c652f70617468"), "x") == {}
    assert named(bytes.fromhex("100870617373776f726406736563726574"), "pass") == {"word": "secret"}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (b"\xbe", "field 62 of a table"),
        (b"\x80", "field 0 of a table"),
        (b"\x3f\xe1\x1f", "of a table"),
        (b"\x00\x05ab", "end too early"),
        (b"\x00", "can't be read"),
        (b"\xff\xff\xff\xff\xff\xff\xff", "too long"),
    ],
)
def test_what_needs_a_table_or_is_cut_off_is_an_error(block: bytes, message: str) -> None:
    with pytest.raises(BlockError, match=message):
        named(block, "x-")


@given(st.binary(max_size=80))
@example(b"\x00\x01\xff\x00")
@example(b"\x00\x81\xff\x81\xff")
def test_any_bytes_are_headers_or_an_error(block: bytes) -> None:
    with contextlib.suppress(BlockError):
        named(block, "")
