"""Bytes of an admin tap's stream → traces. Protocol logic: no I/O, indifferent to chunking.

Envoy writes each ``TraceWrapper`` (``envoy.data.tap.v3``) as an indented JSON object. Its closing
brace is the only one at the start of a line, and JSON strings hold no raw line feed, so ``\\n}\\n``
ends a trace and nothing else. Any bytes are traces or counted errors, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import msgspec
from pybase64 import b64decode

from mesh_traffic import Body, Headers
from tap.sockets.traces import BUFFERED, STREAMED, SocketTrace, of_json

END = b"\n}\n"
_BAD = (ValueError, RecursionError, TypeError, KeyError, AttributeError, OverflowError)
MAX_TRACE_BYTES = 16 * 1024 * 1024  # two bodies of request.MAX_BODY_BYTES in base64, and headers

Piece = Literal[
    "request_headers",
    "request_body_chunk",
    "request_trailers",
    "response_headers",
    "response_body_chunk",
    "response_trailers",
]
PIECES: tuple[Piece, ...] = get_args(Piece)
_NONE, _EMPTY = Headers(), Body(size=0)


class DecodeError(ValueError):
    """Bytes that are no trace."""


@dataclass(slots=True)
class Message:
    """A request or a response of a buffered trace. ``time``: of its headers, epoch seconds."""

    fields: Headers
    body: Body = _EMPTY
    trailers: Headers = _NONE
    time: float | None = None

    def value(self, name: str) -> str:
        """The first value of a field by its name, which is in lower case, as Envoy's are; or ""."""
        return next((value for key, value in self.fields.fields if key == name), "")


@dataclass(slots=True)
class BufferedTrace:
    """``HttpBufferedTrace``: one request, whole, sent when it is over.

    ``request`` is None when Envoy could not parse one, ``response`` when the client left before.
    Addresses are ``ip:port``, "" where not recorded; ``upstream_local`` is Envoy's own towards the
    upstream. Other ``source``s tell the same of a request.
    """

    request: Message | None
    response: Message | None
    listener: str = ""
    client: str = ""
    upstream: str = ""
    upstream_local: str = ""
    source: str = "tap"  # what told it

    @property
    def request_id(self) -> str:
        """Envoy's ``x-request-id``."""
        return self.request.value("x-request-id") if self.request is not None else ""

    @property
    def started(self) -> float:
        """When its first headers came, epoch seconds; 0 where nobody recorded it."""
        message = self.request or self.response
        return 0.0 if message is None or message.time is None else message.time


@dataclass(frozen=True, slots=True)
class Segment:
    """``HttpStreamedTraceSegment``: one piece of the request ``trace_id``, while it happens."""

    trace_id: str
    piece: Piece
    content: Headers | Body


Trace = BufferedTrace | Segment | SocketTrace


class Decoder:
    """Feed it chunks; it returns the traces that they complete and counts what was none."""

    def __init__(self) -> None:
        self.errors = 0
        self.last_error = ""
        self._rest = bytearray()
        self._searched = 0  # an END can't begin before here

    def feed(self, chunk: bytes) -> list[Trace]:
        self._rest += chunk
        traces: list[Trace] = []
        start = 0
        while (at := self._rest.find(END, max(start, self._searched))) >= 0:
            stop = at + len(END)
            self._decode(self._rest[start:stop], traces)
            start = stop
        del self._rest[:start]
        self._searched = max(0, len(self._rest) - len(END) + 1)
        if len(self._rest) > MAX_TRACE_BYTES:
            self._reject(f"a trace longer than {MAX_TRACE_BYTES} bytes")
        return traces

    def close(self) -> None:
        """The stream is over: what is left was cut off."""
        if self._rest.strip():
            self._reject("a trace cut off")
        self._clear()

    def _decode(self, data: bytes | bytearray, traces: list[Trace]) -> None:
        try:
            traces.append(decode_trace(data))
        except DecodeError as error:
            self.errors, self.last_error = self.errors + 1, str(error)

    def _reject(self, why: str) -> None:
        self.errors, self.last_error = self.errors + 1, why
        self._clear()

    def _clear(self) -> None:
        self._rest.clear()
        self._searched = 0


# Parts of a trace's JSON. What has no field here is passed over.


class _Field(msgspec.Struct, frozen=True, gc=False):
    """``HeaderValue``: ``raw_value`` holds bytes where it is not text; one of the two is filled."""

    key: str
    value: str = ""
    raw_value: str = ""


class _Body(msgspec.Struct, frozen=True, gc=False):
    """``as_string`` is what Envoy's ``JSON_BODY_AS_STRING`` leaves of a body."""

    as_bytes: str = ""
    as_string: str = ""
    truncated: bool = False


class _Headers(msgspec.Struct, frozen=True, gc=False):
    headers: list[_Field]


class _Message(msgspec.Struct, frozen=True, gc=False):
    headers: list[_Field] = []
    body: _Body | None = None
    trailers: list[_Field] = []
    headers_received_time: datetime | None = None


class _SocketAddress(msgspec.Struct, frozen=True, gc=False):
    address: str
    port_value: int = 0


class _Pipe(msgspec.Struct, frozen=True, gc=False):
    path: str


class _Address(msgspec.Struct, frozen=True, gc=False):
    socket_address: _SocketAddress | None = None
    pipe: _Pipe | None = None


class _Connection(msgspec.Struct, frozen=True, gc=False):
    local_address: _Address | None = None
    remote_address: _Address | None = None


class _Buffered(msgspec.Struct, frozen=True, gc=False):
    request: _Message | None = None
    response: _Message | None = None
    downstream_connection: _Connection = _Connection()
    upstream_connection: _Connection = _Connection()


class _Segment(msgspec.Struct, frozen=True, gc=False):
    trace_id: str
    request_headers: _Headers | None = None
    request_body_chunk: _Body | None = None
    request_trailers: _Headers | None = None
    response_headers: _Headers | None = None
    response_body_chunk: _Body | None = None
    response_trailers: _Headers | None = None


class _Wrapper(msgspec.Struct, frozen=True, gc=False):
    http_buffered_trace: _Buffered | None = None
    http_streamed_trace_segment: _Segment | None = None


_wrapper = msgspec.json.Decoder(_Wrapper)


def decode_trace(data: bytes | bytearray) -> Trace:
    """One ``TraceWrapper`` as JSON. Raises DecodeError."""
    try:
        if data.find(b'"socket_', 0, 16) < 0:  # its first key
            wrapper = _wrapper.decode(data)
            if wrapper.http_buffered_trace is not None:
                return _buffered(wrapper.http_buffered_trace)
            if wrapper.http_streamed_trace_segment is not None:
                return _segment(wrapper.http_streamed_trace_segment)
        other = msgspec.json.decode(data)
        kind = str(next(iter(other), "nothing"))
        if kind in (BUFFERED, STREAMED):
            return of_json(kind, other[kind])
    except _BAD as error:
        raise DecodeError(f"no trace: {error}") from error
    raise DecodeError(f"no trace but {kind[:40]}")


def _buffered(trace: _Buffered) -> BufferedTrace:
    downstream, upstream = trace.downstream_connection, trace.upstream_connection
    return BufferedTrace(
        _message(trace.request),
        _message(trace.response),
        _address(downstream.local_address),
        _address(downstream.remote_address),
        _address(upstream.remote_address),
        _address(upstream.local_address),
    )


def _segment(segment: _Segment) -> Segment:
    pieces = [(name, one) for name in PIECES if (one := getattr(segment, name)) is not None]
    if len(pieces) != 1:
        raise ValueError(f"a segment has one piece, this one has {len(pieces)}")
    piece, value = pieces[0]
    content = _body(value) if isinstance(value, _Body) else _fields(value.headers)
    return Segment(segment.trace_id, piece, content)


def _message(message: _Message | None) -> Message | None:
    if message is None:
        return None
    received, body, trailers = message.headers_received_time, message.body, message.trailers
    return Message(
        _fields(message.headers),
        _EMPTY if body is None else _body(body),
        _fields(trailers) if trailers else _NONE,
        None if received is None else received.timestamp(),
    )


def _fields(headers: list[_Field]) -> Headers:
    return Headers(tuple([(one.key, _raw(one) if one.raw_value else one.value) for one in headers]))


def _raw(field: _Field) -> str:
    return b64decode(field.raw_value, validate=True).decode("utf-8", "surrogateescape")


def _body(body: _Body) -> Body:
    data = b64decode(body.as_bytes, validate=True) if body.as_bytes else body.as_string.encode()
    return Body(data, body.truncated, None if body.truncated else len(data))


def _address(address: _Address | None) -> str:
    if address is None:
        return ""
    if (socket := address.socket_address) is not None:
        return f"{socket.address}:{socket.port_value}"
    return address.pipe.path if address.pipe is not None else ""
