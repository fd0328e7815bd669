"""``TraceWrapper`` messages, binary or as text → traces. No I/O.

Source: Envoy, ``envoy.data.tap.v3``.
"""

from __future__ import annotations

import re
from typing import Any

from mesh_traffic import Body, Headers
from tap.addresses import address_of
from tap.sockets.traces import BUFFERED, STREAMED, of_message
from tap.traces.decode import BufferedTrace, DecodeError, Message, Piece, Segment, Trace
from xds_server.errors import WireError

MAX_LINES = 20_000  # of a trace as text: protobuf's reader takes some 30 µs for each

# What stands for a byte in text; of anything else, Python's reader does not know what it is
_ESCAPE = rb"\\(?:[abfnrtv\\'\"]|[0-3][0-7]{2}|x[0-9A-Fa-f]{2})"
# One field to a line, as Envoy prints it: so a bound on lines is a bound on fields.
_LINES = re.compile(
    rb"(?:[ ]*+(?:\w++ \{|\}|\w++: (?:\"(?:[^\"\\\n]|" + _ESCAPE + rb")*+\"|[\w.+-]++))(?:\n|\Z))*+"
)


def decode_binary(data: bytes) -> Trace | None:
    """One ``TraceWrapper``; None where it holds no trace. Raises DecodeError."""
    from xds_server.mirror import parse  # Envoy's messages take 0.2 s
    from xds_server.protos import tap_data

    try:
        return _trace(parse(tap_data.TraceWrapper, data))
    except WireError as error:
        raise DecodeError(f"no trace: {error}") from error


def decode_text(data: bytes) -> Trace | None:
    """The same in protobuf's text format. Raises DecodeError."""
    from xds_server.mirror import parse_text
    from xds_server.protos import tap_data

    if data.count(b"\n") > MAX_LINES:
        raise DecodeError(f"a trace of more than {MAX_LINES} lines")
    if _LINES.fullmatch(data) is None:
        raise DecodeError("no trace: expected one field of protobuf's text format to a line")
    try:
        return _trace(parse_text(tap_data.TraceWrapper, data))
    except WireError as error:
        raise DecodeError(f"no trace: {error}") from error


def _trace(wrapper: Any) -> Trace | None:
    kind = wrapper.WhichOneof("trace")
    if kind == "http_buffered_trace":
        return _buffered(wrapper.http_buffered_trace)
    if kind == "http_streamed_trace_segment":
        return _segment(wrapper.http_streamed_trace_segment)
    if kind in (BUFFERED, STREAMED):
        return of_message(kind, getattr(wrapper, kind))
    if kind is None and wrapper.HasField("configured_sample_rate"):
        return None
    raise DecodeError(f"no trace but {kind or 'nothing'}")


def _buffered(trace: Any) -> BufferedTrace:
    downstream, upstream = trace.downstream_connection, trace.upstream_connection
    return BufferedTrace(
        request=_message(trace.request) if trace.HasField("request") else None,
        response=_message(trace.response) if trace.HasField("response") else None,
        listener=address_of(downstream.local_address),
        client=address_of(downstream.remote_address),
        upstream=address_of(upstream.remote_address),
        upstream_local=address_of(upstream.local_address),
    )


def _message(message: Any) -> Message:
    time = message.headers_received_time
    return Message(
        fields=_fields(message.headers),
        body=_body(message.body),
        trailers=_fields(message.trailers),
        time=time.seconds + time.nanos / 1e9 if message.HasField("headers_received_time") else None,
    )


def _segment(segment: Any) -> Segment:
    piece: Piece | None = segment.WhichOneof("message_piece")
    if piece is None:
        raise DecodeError("a segment without a piece")
    value = getattr(segment, piece)
    content = _body(value) if piece.endswith("_chunk") else _fields(value.headers)
    return Segment(str(segment.trace_id), piece, content)


def _fields(headers: Any) -> Headers:
    """``raw_value`` holds bytes where a ``HeaderValue`` is not text."""
    return Headers(
        tuple(
            (one.key, one.raw_value.decode("utf-8", "surrogateescape") or one.value)
            for one in headers
        )
    )


def _body(body: Any) -> Body:
    data = body.as_bytes or body.as_string.encode()
    return Body(data, body.truncated, None if body.truncated else len(data))
