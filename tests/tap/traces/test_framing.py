"""Bytes of a file → the bytes of each trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.traces.decode import END, MAX_TRACE_BYTES
from tap.traces.framing import Cut, Frames, FramingError, delimited, ending, fields

LONG = b"\x0a\xc8\x01" + b"x" * 200
CASES = [
    (ending(END), [b"{\n1\n}\n", b"{\n22\n}\n"], [b"{\n1\n}\n", b"{\n22\n}\n"]),
    (delimited, [b"\x03abc", b"\x00", b"\x80\x01" + b"y" * 128], [b"abc", b"", b"y" * 128]),
    (fields, [b"\x12\x02ab", LONG, b"\x2a\x00"], [b"\x12\x02ab", LONG, b"\x2a\x00"]),
]


@pytest.mark.parametrize(("cut", "written", "frames"), CASES, ids=["ending", "delimited", "fields"])
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_frames_are_the_same_in_any_chunks(
    cut: Cut, written: list[bytes], frames: list[bytes], size: int
) -> None:
    data = b"".join(written)
    found = Frames(cut)
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    got = [each for chunk in chunks for each in found.feed(chunk)]
    starts = [sum(map(len, written[:at])) for at in range(len(written))]
    assert got == list(zip(starts, frames, strict=True))
    assert found.close() == b""


@pytest.mark.parametrize(
    ("cut", "data", "why"),
    [
        (fields, b"\x12\x01a\x7f", "a byte 0x7f where a trace begins"),
        (delimited, b"\xff" * 9, "no length where a trace begins"),
        (delimited, b"\xff\xff\xff\x7f", "a trace of 268435455 bytes, expected 16777216 at most"),
        (ending(END), b"{" * (MAX_TRACE_BYTES + 1), "a trace longer than 16777216 bytes"),
    ],
)
def test_what_no_trace_can_follow_is_an_error(cut: Cut, data: bytes, why: str) -> None:
    with pytest.raises(FramingError, match=why):
        list(Frames(cut).feed(data))


def test_what_came_before_the_junk_is_not_lost() -> None:
    found = Frames(fields)
    got = []
    with pytest.raises(FramingError):
        got.extend(found.feed(b"\x12\x01a\x7f"))
    assert found.offset == 3


@pytest.mark.parametrize("cut", [delimited, fields, ending(END)])
@given(data=st.binary(max_size=60))
def test_any_bytes_are_frames_or_a_framing_error(cut: Cut, data: bytes) -> None:
    found = Frames(cut)
    try:
        taken = sum(len(frame) for _, frame in found.feed(data))
    except FramingError:
        return
    assert taken + len(found.close()) <= len(data)
