"""Bytes of an admin tap's stream → traces. Protocol logic: no I/O, indifferent to chunking.

Envoy writes each ``TraceWrapper`` (``envoy.data.tap.v3``) as an indented JSON object. Its closing
brace is the only one at the start of a line, and JSON strings hold no raw line feed, so ``\\n}\\n``
ends a trace and nothing else. Any bytes are traces or counted errors, never an exception.
"""

from __future__ import annotations

from binascii import a2b_base64
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

import orjson

from mesh_traffic import Body, Headers

END = b"\n}\n"
_BAD = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)
MAX_TRACE_BYTES = 16 * 1024 * 1024  # two bodies of request.MAX_BODY_BYTES in base64, and headers

Piece = Literal[
    "request_headers",
    "request_body_chunk",
    "request_trailers",
    "response_headers",
    "response_body_chunk",
    "response_trailers",
]


class DecodeError(ValueError):
    """Bytes that are no trace."""


@dataclass(slots=True)
class Message:
    """A request or a response of a buffered trace. ``time``: of its headers, epoch seconds."""

    fields: Headers
    body: Body = field(default_factory=Body)
    trailers: Headers = field(default_factory=Headers)
    time: float | None = None


@dataclass(slots=True)
class BufferedTrace:
    """``HttpBufferedTrace``: one request, whole, sent when it is over.

    ``request`` is None when Envoy could not parse one, ``response`` when the client left before.
    Addresses are ``ip:port``, "" where not recorded; ``upstream_local`` is Envoy's own towards the
    upstream.
    """

    request: Message | None
    response: Message | None
    listener: str = ""
    client: str = ""
    upstream: str = ""
    upstream_local: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """``HttpStreamedTraceSegment``: one piece of the request ``trace_id``, while it happens."""

    trace_id: str
    piece: Piece
    content: Headers | Body


Trace = BufferedTrace | Segment


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


def decode_trace(data: bytes | bytearray) -> Trace:
    """One ``TraceWrapper`` as JSON. Raises DecodeError."""
    try:
        wrapper = orjson.loads(data)
        if "http_buffered_trace" in wrapper:
            return _buffered(wrapper["http_buffered_trace"])
        if "http_streamed_trace_segment" in wrapper:
            return _segment(wrapper["http_streamed_trace_segment"])
    except _BAD as error:
        raise DecodeError(f"no trace: {type(error).__name__}: {error}") from error
    raise DecodeError(f"no HTTP trace but {str(next(iter(wrapper), 'nothing'))[:40]}")


def _buffered(trace: dict[str, Any]) -> BufferedTrace:
    downstream = trace.get("downstream_connection") or {}
    upstream = trace.get("upstream_connection") or {}
    return BufferedTrace(
        request=_message(trace.get("request")),
        response=_message(trace.get("response")),
        listener=_address(downstream.get("local_address")),
        client=_address(downstream.get("remote_address")),
        upstream=_address(upstream.get("remote_address")),
        upstream_local=_address(upstream.get("local_address")),
    )


def _segment(segment: dict[str, Any]) -> Segment:
    pieces: list[Piece] = [name for name in get_args(Piece) if name in segment]
    if len(pieces) != 1:
        raise TypeError(f"a segment has one piece, this one has {len(pieces)}")
    piece = pieces[0]
    value = segment[piece]
    chunk = piece.endswith("_chunk")
    content = _body(value) if chunk else _fields(value["headers"])
    return Segment(str(segment["trace_id"]), piece, content)


def _message(message: dict[str, Any] | None) -> Message | None:
    if message is None:
        return None
    received = message.get("headers_received_time")
    return Message(
        fields=_fields(message.get("headers") or ()),
        body=_body(message.get("body") or {}),
        trailers=_fields(message.get("trailers") or ()),
        time=datetime.fromisoformat(received).timestamp() if received else None,
    )


def _fields(headers: Any) -> Headers:
    """``raw_value`` holds bytes where a ``HeaderValue`` is not text; Envoy fills one of the two."""
    fields = []
    for one in headers:
        name, value = one["key"], one.get("value", "")
        if raw := one.get("raw_value"):
            value = a2b_base64(raw).decode("utf-8", "surrogateescape")
        if type(name) is not str or type(value) is not str:
            raise TypeError(f"{name!r}: {value!r} are no texts")
        fields.append((name, value))
    return Headers(tuple(fields))


def _body(body: dict[str, Any]) -> Body:
    """Text is what Envoy's ``JSON_BODY_AS_STRING`` leaves of a body."""
    text = body.get("as_string")
    data = a2b_base64(body.get("as_bytes", "")) if text is None else text.encode()
    return Body(data, bool(body.get("truncated", False)))


def _address(address: dict[str, Any] | None) -> str:
    if not address:
        return ""
    if pipe := address.get("pipe"):
        return str(pipe["path"])
    socket = address.get("socket_address")
    return f"{socket['address']}:{socket['port_value']}" if socket else ""
