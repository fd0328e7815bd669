"""One connection of gRPC streams, against another HTTP/2 implementation and junk."""

from __future__ import annotations

import contextlib
import struct

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.ext_proc.grpc_in import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    MAX_FRAME,
    MAX_MESSAGE,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    STREAM_WINDOW,
    WINDOW,
    WINDOW_UPDATE,
    Connection,
    ConnectionBroken,
    Ended,
    Event,
    Opened,
    Received,
    frame,
)

BLOCK = b"\x83\x00\x08x-ours-a\x03yes"  # :method POST, and one field of ours
OPEN = frame(HEADERS, END_HEADERS, 1, BLOCK)
HELLO = PREFACE + frame(SETTINGS, 0, 0)


def message(data: bytes) -> bytes:
    return struct.pack(">BI", 0, len(data)) + data


def fed(*data: bytes) -> tuple[Connection, list[Event]]:
    connection = Connection("x-ours-")
    return connection, [event for each in data for event in connection.receive(each)]


def sent(connection: Connection) -> list[tuple[int, int, int, bytes]]:
    """The frames that wait to be sent: kind, flags, stream, payload."""
    found, data = [], bytes(connection.to_send)
    connection.to_send.clear()
    while data:
        size = int.from_bytes(data[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", data[3:9])
        found.append((kind, flags, stream, data[9 : 9 + size]))
        data = data[9 + size :]
    return found


WHOLE = HELLO + OPEN + frame(DATA, 0, 1, message(b"one") + message(b"")[:3])
WHOLE += frame(DATA, END_STREAM, 1, message(b"")[3:] + message(b"two"))


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_it_is_indifferent_to_how_bytes_are_cut(size: int) -> None:
    _, events = fed(*(WHOLE[at : at + size] for at in range(0, len(WHOLE), size)))
    messages = [Received(1, each) for each in (b"one", b"", b"two")]
    assert events == [Opened(1, {"a": "yes"}), *messages, Ended(1)]


def test_headers_may_be_padded_have_a_priority_and_go_on() -> None:
    first = b"\x02" + bytes(5) + BLOCK[:4] + b"\0\0"
    flags = PADDED | PRIORITY
    _, events = fed(
        HELLO,
        frame(HEADERS, flags, 1, first) + frame(CONTINUATION, END_HEADERS, 1, BLOCK[4:]),
        frame(DATA, PADDED, 1, b"\x01" + message(b"x") + b"\0"),
    )
    assert events == [Opened(1, {"a": "yes"}), Received(1, b"x")]


def test_a_stream_is_ended_with_a_status_that_others_read() -> None:
    connection, _ = fed(HELLO + OPEN)
    sent(connection)
    connection.end(1)
    connection.end(1)  # once is enough
    (kind, flags, stream, block), reset = sent(connection)
    assert (kind, flags, stream) == (HEADERS, END_STREAM | END_HEADERS, 1)
    assert reset == (RST_STREAM, 0, 1, bytes(4))
    assert hpack.Decoder().decode(block) == [
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", "0"),
    ]
    late = frame(DATA, 0, 1, message(b"late")) + frame(RST_STREAM, 0, 1, bytes(4))
    assert connection.receive(late) == []


def test_one_that_the_peer_ended_is_not_reset() -> None:
    connection, _ = fed(HELLO + frame(HEADERS, END_HEADERS | END_STREAM, 1, BLOCK))
    sent(connection)
    connection.end(1)
    assert [kind for kind, *_ in sent(connection)] == [HEADERS]


def test_a_reset_ends_a_stream() -> None:
    _, events = fed(HELLO, OPEN, frame(RST_STREAM, 0, 1, bytes(4)))
    assert events[1:] == [Ended(1)]


def test_settings_and_pings_are_answered_and_what_is_new_is_passed_over() -> None:
    connection, events = fed(HELLO, frame(PING, 0, 0, b"12345678"), frame(0x77, 0, 0, b"?"))
    assert events == []
    assert sent(connection)[-2:] == [(SETTINGS, ACK, 0, b""), (PING, ACK, 0, b"12345678")]


def test_windows_are_opened_as_bytes_are_read() -> None:
    connection, _ = fed(HELLO, OPEN)
    sent(connection)
    opened = {0: 0, 1: 0}
    chunk = frame(DATA, 0, 1, message(b"x" * (MAX_FRAME - 5)))
    for _ in range(WINDOW // 2 // MAX_FRAME):
        connection.receive(chunk)
        for kind, _, stream, size in sent(connection):
            assert kind == WINDOW_UPDATE
            opened[stream] += int.from_bytes(size, "big")
    assert WINDOW // 4 <= opened[0] <= WINDOW // 2
    assert WINDOW // 2 - STREAM_WINDOW <= opened[1] <= WINDOW // 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GET / HTTP/1.1\r\n", "no HTTP/2"),
        (HELLO + b"\xff\xff\xff\0\0\0\0\0\0", "a frame of 16777215 bytes"),
        (HELLO + frame(DATA, 0, 1, b"x"), "stream 1, which nobody opened"),
        (HELLO + OPEN + frame(DATA, 0, 1, b"\x01\0\0\0\0"), "or a compressed one"),
        (HELLO + OPEN + frame(DATA, 0, 1, struct.pack(">BI", 0, MAX_MESSAGE + 1)), "a message of"),
        (HELLO + frame(HEADERS, 0, 1, BLOCK) + frame(PING, 0, 0, bytes(8)), "do not go on"),
        (HELLO + frame(CONTINUATION, 0, 1, BLOCK), "without a beginning"),
        (HELLO + frame(HEADERS, 0, 1) + frame(CONTINUATION, 0, 1, bytes(16_000)) * 5, "of more"),
        (HELLO + frame(HEADERS, END_HEADERS, 1, b"\xff"), "headers that can't be read"),
        (HELLO + frame(HEADERS, PADDED, 1, b"\x05a"), "nothing but padding"),
    ],
)
def test_who_breaks_the_protocol_is_told_how(data: bytes, why: str) -> None:
    with pytest.raises(ConnectionBroken, match=why):
        fed(data)


FRAMES = st.builds(
    frame, st.integers(0, 10), st.integers(0, 255), st.integers(0, 5), st.binary(max_size=30)
)


@given(st.lists(st.sampled_from([OPEN, frame(DATA, 0, 1, message(b"x"))]) | FRAMES, max_size=8))
def test_any_frames_are_events_or_an_error(frames: list[bytes]) -> None:
    with contextlib.suppress(ConnectionBroken):
        fed(HELLO, *frames)
