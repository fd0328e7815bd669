"""One HTTP/2 connection on which gRPC streams come in that are only read. Protocol logic: no I/O.

What is answered to a stream is that it is over. gRPC's own server spends three times as much on a
stream, in threads that wait for one another, and ext_proc opens one for each request.

Rule 1: bytes go in, events and bytes to send come out; what breaks the protocol raises, and the
        connection is to be closed.
Rule 2: nothing is buffered but frames that have not come whole and messages that have not; both
        have a limit. Whoever sends is held up by the windows as far as we do not read.
Rule 3: a stream that we ended may go on for a while: the sender did not know. That is skipped.

Source: RFC 9113 (HTTP/2), RFC 7541 (HPACK), gRPC's "PROTOCOL-HTTP2".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tap.ext_proc.header_block import BlockError, named

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_FRAME = 16_384  # bytes of a frame's payload, as every receiver allows at least
MAX_MESSAGE = 4 * 1024 * 1024  # bytes of a message
MAX_BLOCK = 64 * 1024  # bytes of a header block in several frames
MAX_STREAMS = 100_000  # that a sender may have open
STREAM_WINDOW = 1024 * 1024  # bytes that may be on their way in one stream
WINDOW = 16 * 1024 * 1024  # and in all

DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
_DEFAULT_WINDOW = 65_535


class ConnectionBroken(ValueError):
    """The peer does not keep to the protocol."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream begins. ``metadata``: what of it was asked for."""

    stream: int
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Received:
    """A message of a stream came."""

    stream: int
    message: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The peer ended or reset a stream."""

    stream: int


Event = Opened | Received | Ended


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """RFC 9113, section 4.1."""
    head = struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream)
    return head + payload


# We keep no table either, which has to be said at the start of a block (RFC 7541, section 4.2).
# ":status 200" is in the static table, so is the name "content-type" (Appendix A)
_OVER = (
    b"\x20\x88\x0f\x10\x10application/grpc"  # then, never indexed and not coded: grpc-status 0
    b"\x00\x0bgrpc-status\x010"
)


@dataclass(slots=True)
class _Stream:
    rest: bytearray  # of a message that has not come whole
    taken: int = 0  # bytes since its window was last opened
    ended: bool = False  # by the peer


class Connection:
    """The side of who reads. ``to_send`` are bytes for the peer; take them after each call.

    ``prefix`` is that of the metadata that is wanted; the peer has to keep no table of headers.
    """

    def __init__(self, prefix: str) -> None:
        settings = struct.pack(">HIHIHI", 0x1, 0, 0x3, MAX_STREAMS, 0x4, STREAM_WINDOW)
        self.to_send = bytearray(frame(SETTINGS, 0, 0, settings))
        self._open_window(0, WINDOW - _DEFAULT_WINDOW)
        self._rest = bytearray()
        self._greeted = False
        self._taken = 0
        self._last = 0  # the highest stream that the peer opened
        self._streams: dict[int, _Stream] = {}
        self._block: tuple[int, int, bytearray] | None = None  # headers that go on: stream, flags
        self._prefix = prefix
        self._events: list[Event] = []
        self._read: Mapping[int, Callable[[int, int, bytes], None]] = {
            DATA: self._data,
            HEADERS: self._headers,
            RST_STREAM: self._reset,
            SETTINGS: self._settings,
            PING: self._ping,
            CONTINUATION: self._continuation,
        }

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes complete. Raises ConnectionBroken."""
        self._rest += data
        if not self._greeted and not self._greet():
            return []
        at, rest = 0, bytes(self._rest)
        while len(rest) - at >= 9:
            size = int.from_bytes(rest[at : at + 3], "big")
            if size > MAX_FRAME:
                raise ConnectionBroken(f"a frame of {size} bytes, expected {MAX_FRAME} at most")
            end = at + 9 + size
            if end > len(rest):
                break
            kind, flags = rest[at + 3], rest[at + 4]
            stream = int.from_bytes(rest[at + 5 : at + 9], "big") & 0x7FFFFFFF
            self._frame(kind, flags, stream, rest[at + 9 : end])
            at = end
        del self._rest[:at]
        events, self._events = self._events, []
        return events

    def end(self, stream: int) -> None:
        """Tell the peer that the stream is over, and that no more of it is read."""
        found = self._streams.pop(stream, None)
        if found is None:
            return
        self.to_send += frame(HEADERS, END_STREAM | END_HEADERS, stream, _OVER)
        if not found.ended:
            self.to_send += frame(RST_STREAM, 0, stream, bytes(4))  # NO_ERROR: section 8.1

    def _greet(self) -> bool:
        """Whether the preface has come whole; it is taken off then."""
        if not PREFACE.startswith(self._rest[: len(PREFACE)]):
            raise ConnectionBroken("no HTTP/2")
        self._greeted = len(self._rest) >= len(PREFACE)
        if self._greeted:
            del self._rest[: len(PREFACE)]
        return self._greeted

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._block is not None and kind != CONTINUATION:
            raise ConnectionBroken("headers that do not go on")
        read = self._read.get(kind)
        if read is not None:
            read(flags, stream, payload)

    def _data(self, flags: int, stream: int, payload: bytes) -> None:
        self._taken += len(payload)
        if self._taken > WINDOW // 4:
            self._open_window(0, self._taken)
            self._taken = 0
        found = self._streams.get(stream)
        if found is None:
            self._check_known(stream)
            return
        found.taken += len(payload)
        if found.taken > STREAM_WINDOW // 2:
            self._open_window(stream, found.taken)
            found.taken = 0
        found.rest += _unpadded(flags, payload)
        self._messages(stream, found.rest)
        if flags & END_STREAM:
            self._over(stream, found)

    def _messages(self, stream: int, rest: bytearray) -> None:
        """Each has a byte that says whether it is compressed, and four of its length."""
        at = 0
        while len(rest) - at >= 5:
            size = int.from_bytes(rest[at + 1 : at + 5], "big")
            if rest[at] or size > MAX_MESSAGE:
                raise ConnectionBroken(f"a message of {size} bytes, or a compressed one")
            end = at + 5 + size
            if end > len(rest):
                break
            self._events.append(Received(stream, bytes(rest[at + 5 : end])))
            at = end
        del rest[:at]

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        payload = _unpadded(flags, payload)
        block = bytearray(payload[5:] if flags & PRIORITY else payload)
        self._block = stream, flags, block
        if flags & END_HEADERS:
            self._whole_block()

    def _continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != stream:
            raise ConnectionBroken("headers that go on without a beginning")
        self._block[2].extend(payload)
        if len(self._block[2]) > MAX_BLOCK:
            raise ConnectionBroken(f"headers of more than {MAX_BLOCK} bytes")
        if flags & END_HEADERS:
            self._whole_block()

    def _whole_block(self) -> None:
        assert self._block is not None
        (stream, flags, block), self._block = self._block, None
        try:
            told = named(bytes(block), self._prefix)
        except BlockError as error:
            raise ConnectionBroken(str(error)) from error
        found = self._streams.get(stream)
        if found is None and stream > self._last:
            if len(self._streams) >= MAX_STREAMS:
                raise ConnectionBroken(f"more than {MAX_STREAMS} streams")
            self._last = stream
            found = self._streams[stream] = _Stream(bytearray())
            self._events.append(Opened(stream, told))
        if found is not None and flags & END_STREAM:
            self._over(stream, found)

    def _over(self, stream: int, found: _Stream) -> None:
        found.ended = True
        self._events.append(Ended(stream))

    def _reset(self, flags: int, stream: int, payload: bytes) -> None:
        self._check_known(stream)
        if self._streams.pop(stream, None) is not None:
            self._events.append(Ended(stream))

    def _settings(self, flags: int, stream: int, payload: bytes) -> None:
        if not flags & ACK:
            self.to_send += frame(SETTINGS, ACK, 0)

    def _ping(self, flags: int, stream: int, payload: bytes) -> None:
        if not flags & ACK:
            self.to_send += frame(PING, ACK, 0, payload)

    def _check_known(self, stream: int) -> None:
        if not 0 < stream <= self._last:
            raise ConnectionBroken(f"stream {stream}, which nobody opened")

    def _open_window(self, stream: int, size: int) -> None:
        self.to_send += frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionBroken("a frame of nothing but padding")
    return payload[1 : len(payload) - payload[0]]
