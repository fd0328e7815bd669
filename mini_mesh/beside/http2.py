"""A server's side of an HTTP/2 connection on which a client calls unary gRPC methods, many at once.

It knows what such calls need and no more: bytes in, whole :class:`Call`\\ s out, answers in, bytes
out. It does no I/O. ``h2`` takes part in all of HTTP/2, which costs several times as much a call,
and gRPC's own server for asyncio takes 150 to 330 microseconds for each (docs/BENCHMARKS.md).

Rule 1: a header block is decoded also where nobody wants it: it changes the table of the next one.
Rule 2: a block that changed nothing in the table, in a table that has not changed since, says again
        what it said: an Envoy's calls differ in their messages only.
Rule 3: who breaks the protocol is told once (GOAWAY), and nothing that he says counts any more.

Sources: RFC 9113; RFC 7541; gRPC, "PROTOCOL-HTTP2".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

from hpack import Decoder, HPACKError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_STREAMS = 1024  # open at a time; one more is refused
MAX_MESSAGE = 64 * 1024  # bytes of one request
MAX_HEAD = 16 * 1024  # bytes of a header block, and of what it says
MAX_FRAME = 16_384  # bytes; we ask for no larger ones (RFC 9113, section 4.2)
MAX_REMEMBERED = 64  # header blocks
MAX_WINDOW = 2**31 - 1
_WINDOW = 65_535  # the first one of both sides, where SETTINGS say nothing else (section 6.9.2)
_OUR_WINDOW = 2 * MAX_MESSAGE  # of each stream
_GIVE_BACK = 32_768  # bytes of the connection's window that are used up before more is given

_DATA, _HEADERS, _RST_STREAM, _SETTINGS = 0, 1, 3, 4
_PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = 6, 7, 8, 9
_END_STREAM = _ACK = 0x1
_END_HEADERS, _PADDED, _WITH_PRIORITY = 0x4, 0x8, 0x20
_INITIAL_WINDOW_SIZE, _MAX_CONCURRENT_STREAMS, _MAX_HEADER_LIST_SIZE = 4, 3, 6
_PROTOCOL_ERROR, _FLOW_CONTROL_ERROR, _FRAME_SIZE_ERROR = 1, 3, 6
_REFUSED_STREAM, _COMPRESSION_ERROR, _ENHANCE_YOUR_CALM = 7, 9, 11

# Header blocks of ours: literals that enter no table (RFC 7541, section 6.2.2).
_ANSWER = b"\x88\x0f\x10\x10application/grpc"  # :status 200, content-type
_FINE = b"\x00\x0bgrpc-status\x010"


class Call(NamedTuple):
    """A whole request: ``path`` is ``/package.Service/Method``."""

    stream: int
    path: str
    message: bytes


class _Broken(Exception):
    """The client breaks the protocol: RFC 9113, section 7."""

    def __init__(self, code: int) -> None:
        self.code = code


@dataclass(slots=True)
class _Stream:
    window: int  # bytes that the client still takes
    path: str = ""
    came: bytearray = field(default_factory=bytearray)
    out: bytes = b""  # of the answer, what has to wait for a window
    trailers: bytes = b""


class Session:
    """One connection. ``closed``: nothing more will come of it; send what is left and hang up."""

    def __init__(self) -> None:
        self.closed = False
        self._rest = bytearray()
        self._greeted = False
        self._heads = _Heads()
        self._block: tuple[int, int, bytearray] | None = None  # a head that goes on
        self._streams: dict[int, _Stream] = {}
        self._last = 0
        self._window = _WINDOW  # of the connection: bytes that the client still takes
        self._first_window = _WINDOW  # of its streams
        self._used = 0
        settings = {
            _MAX_CONCURRENT_STREAMS: MAX_STREAMS,
            _INITIAL_WINDOW_SIZE: _OUR_WINDOW,
            _MAX_HEADER_LIST_SIZE: MAX_HEAD,
        }
        said = b"".join(struct.pack(">HI", *each) for each in settings.items())
        self._out = [_frame(_SETTINGS, 0, 0, said)]

    def receive(self, data: bytes) -> list[Call]:
        """What has come whole with these bytes."""
        if self.closed:
            return []
        calls: list[Call] = []
        self._rest += data
        try:
            if self._greeted or self._greet():
                self._frames(calls)
        except _Broken as broken:
            self.closed = True
            self._say(_GOAWAY, 0, 0, struct.pack(">II", self._last, broken.code))
            return []
        return calls

    def answer(self, stream: int, message: bytes) -> None:
        """With one message, and that all is well."""
        self._end(stream, b"\0" + len(message).to_bytes(4) + message, _FINE)

    def fail(self, stream: int, status: int, text: str) -> None:
        """With gRPC's ``status`` and what is wrong, 100 characters of it."""
        said = quote(text[:100], safe=" ").encode()[:126]
        name, code = b"\x00\x0cgrpc-message", str(status).encode()
        block = b"\x00\x0bgrpc-status" + bytes([len(code)]) + code
        self._end(stream, b"", block + name + bytes([len(said)]) + said)

    def data_to_send(self) -> bytes:
        """All that is to be sent since the last time."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _end(self, stream: int, data: bytes, trailers: bytes) -> None:
        found = self._streams.get(stream)
        if found is None:
            return  # the client has lost patience
        self._say(_HEADERS, _END_HEADERS, stream, _ANSWER)
        found.out, found.trailers = data, trailers
        self._drain(stream, found)

    def _drain(self, number: int, stream: _Stream) -> None:
        while stream.out:
            room = min(self._window, stream.window, MAX_FRAME)
            if room <= 0:
                return
            part, stream.out = stream.out[:room], stream.out[room:]
            self._window -= len(part)
            stream.window -= len(part)
            self._say(_DATA, 0, number, part)
        self._say(_HEADERS, _END_HEADERS | _END_STREAM, number, stream.trailers)
        del self._streams[number]

    def _say(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self._out.append(_frame(kind, flags, stream, payload))

    # What comes.

    def _greet(self) -> bool:
        if not PREFACE.startswith(self._rest[: len(PREFACE)]):
            raise _Broken(_PROTOCOL_ERROR)
        if len(self._rest) < len(PREFACE):
            return False
        del self._rest[: len(PREFACE)]
        self._greeted = True
        return True

    def _frames(self, calls: list[Call]) -> None:
        data, at = bytes(self._rest), 0
        while len(data) - at >= 9:
            size = int.from_bytes(data[at : at + 3])
            if size > MAX_FRAME:
                raise _Broken(_FRAME_SIZE_ERROR)
            if len(data) - at < 9 + size:
                break
            kind, flags = data[at + 3], data[at + 4]
            stream = int.from_bytes(data[at + 5 : at + 9]) & MAX_WINDOW
            self._frame(kind, flags, stream, data[at + 9 : at + 9 + size], calls)
            at += 9 + size
        del self._rest[:at]

    def _frame(self, kind: int, flags: int, stream: int, said: bytes, calls: list[Call]) -> None:
        if self._block is not None and (kind != _CONTINUATION or stream != self._block[0]):
            raise _Broken(_PROTOCOL_ERROR)  # section 6.10
        if kind == _DATA:
            self._body(flags, stream, said, calls)
        elif kind == _HEADERS:
            self._head(flags, stream, said)
        elif kind == _CONTINUATION:
            self._more_head(flags, said)
        else:
            self._about_it(kind, flags, stream, said)

    def _about_it(self, kind: int, flags: int, stream: int, said: bytes) -> None:
        """A frame that is about the connection, or about a stream and not of it."""
        if kind == _RST_STREAM:
            self._streams.pop(stream, None)
        elif kind == _WINDOW_UPDATE:
            self._more_room(stream, said)
        elif kind == _SETTINGS:
            self._settings(flags, said)
        elif kind == _PING and not flags & _ACK:
            self._say(_PING, _ACK, 0, said)
        elif kind == _GOAWAY:
            self.closed = not self._streams

    def _head(self, flags: int, stream: int, said: bytes) -> None:
        if stream % 2 == 0 or stream <= self._last:
            raise _Broken(_PROTOCOL_ERROR)  # or trailers, which unary calls have no use for
        self._last = stream
        self._block = (stream, flags, bytearray())
        self._more_head(flags, _unpadded(flags, said))

    def _more_head(self, flags: int, said: bytes) -> None:
        if self._block is None:
            raise _Broken(_PROTOCOL_ERROR)
        number, first, block = self._block
        block += said
        if len(block) > MAX_HEAD:
            raise _Broken(_ENHANCE_YOUR_CALM)
        if not flags & _END_HEADERS:
            return
        self._block = None
        path = self._heads.path(bytes(block))
        if len(self._streams) >= MAX_STREAMS:
            self._reset(number, _REFUSED_STREAM)
        elif first & _END_STREAM:  # a call without a message
            self._reset(number, _PROTOCOL_ERROR)
        else:
            self._streams[number] = _Stream(self._first_window, path)

    def _body(self, flags: int, number: int, said: bytes, calls: list[Call]) -> None:
        self._used += len(said)
        if self._used >= _GIVE_BACK:
            self._say(_WINDOW_UPDATE, 0, 0, struct.pack(">I", self._used))
            self._used = 0
        stream = self._streams.get(number)
        if stream is None:
            return  # what came after a reset
        stream.came += _unpadded(flags & _PADDED, said)
        if len(stream.came) > MAX_MESSAGE + 5:
            self._reset(number, _ENHANCE_YOUR_CALM)
        elif flags & _END_STREAM:
            came = bytes(stream.came)
            if len(came) < 5 or came[0] or int.from_bytes(came[1:5]) != len(came) - 5:
                self._reset(number, _PROTOCOL_ERROR)  # none, two, half of one, or compressed
            else:
                calls.append(Call(number, stream.path, came[5:]))

    def _reset(self, number: int, code: int) -> None:
        self._streams.pop(number, None)
        self._say(_RST_STREAM, 0, number, struct.pack(">I", code))

    def _more_room(self, number: int, said: bytes) -> None:
        if len(said) != 4:
            raise _Broken(_FRAME_SIZE_ERROR)
        more = int.from_bytes(said) & MAX_WINDOW
        stream = self._streams.get(number)
        if number == 0:
            self._window += more
            if self._window > MAX_WINDOW:
                raise _Broken(_FLOW_CONTROL_ERROR)
        elif stream is not None:
            stream.window += more
        self._go_on()

    def _settings(self, flags: int, said: bytes) -> None:
        if flags & _ACK:
            return
        if len(said) % 6:
            raise _Broken(_FRAME_SIZE_ERROR)
        for name, value in struct.iter_unpack(">HI", said):
            if name == _INITIAL_WINDOW_SIZE:
                if value > MAX_WINDOW:
                    raise _Broken(_FLOW_CONTROL_ERROR)
                for stream in self._streams.values():
                    stream.window += value - self._first_window  # section 6.9.2
                self._first_window = value
        self._say(_SETTINGS, _ACK, 0, b"")
        self._go_on()

    def _go_on(self) -> None:
        waiting = [each for each in self._streams.items() if each[1].out]
        for number, stream in waiting:
            self._drain(number, stream)


class _Heads:
    """The client's header table, and what its blocks said."""

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=MAX_HEAD)
        self._known: dict[bytes, str] = {}

    def path(self, block: bytes) -> str:
        """``:path`` of a block."""
        known = self._known.get(block)
        if known is not None:
            return known
        table = self._decoder.header_table
        before = (table.dynamic_entries[0] if table.dynamic_entries else None, table.maxsize)
        try:
            fields = self._decoder.decode(block, raw=True)
        except HPACKError as error:
            raise _Broken(_COMPRESSION_ERROR) from error
        path = next((bytes(value) for name, value in fields if name == b":path"), b"")
        found = path.decode("ascii", "replace")
        after = (table.dynamic_entries[0] if table.dynamic_entries else None, table.maxsize)
        if after[0] is not before[0] or after[1] != before[1]:
            self._known.clear()  # what an index means is another thing now
        elif len(self._known) < MAX_REMEMBERED:
            self._known[block] = found
        return found


def _unpadded(flags: int, said: bytes) -> bytes:
    """Without padding and priority (sections 6.1 and 6.2)."""
    end, start = len(said), 0
    if flags & _PADDED:
        if not said or said[0] >= len(said):
            raise _Broken(_PROTOCOL_ERROR)
        start, end = 1, len(said) - said[0]
    if flags & _WITH_PRIORITY:
        start += 5
    return said[start:end]


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = ((len(payload) << 48) | (kind << 40) | (flags << 32) | stream).to_bytes(9)
    return head + payload
