"""``SocketBufferedTrace`` and ``SocketStreamedTraceSegment`` as one noun, of JSON and of protobuf.

Rule 1: of a streamed event, ``seq`` is 1 and the number of bytes before it on the connection, both
        ways (seen with Envoy 1.40), so what is missing can be told. It is 0 where Envoy has none.
Rule 2: Envoy cuts each streamed event at the tap's limit, and a buffered trace on each side.

Source: Envoy, ``envoy.data.tap.v3.SocketEvent``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from pybase64 import b64decode

from tap.addresses import address_in, address_of

Kind = Literal["read", "write", "closed"]
KINDS: tuple[Kind, ...] = get_args(Kind)
BUFFERED, STREAMED = "socket_buffered_trace", "socket_streamed_trace_segment"


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """What Envoy read from a socket, or wrote, or that it was closed; ``time``: epoch seconds."""

    kind: Kind
    data: bytes = b""
    time: float | None = None
    seq: int = 0
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class SocketTrace:
    """Some of a connection: ``whole`` is all of it. Addresses are "" where this piece has none.

    A piece without events is the first one. There, a connection that Envoy made has no local
    address yet, but its events may have (``set_connection_per_event``).
    """

    trace_id: str
    local: str = ""
    remote: str = ""
    events: tuple[SocketEvent, ...] = ()
    whole: bool = False


def of_json(kind: str, trace: dict[str, Any]) -> SocketTrace:
    """From what a ``TraceWrapper`` has as ``kind``; raises as what is no such JSON does."""
    if kind == BUFFERED:
        events = trace.get("events") or ()
    else:
        one = trace.get("event")
        events = (one,) if one else (trace.get("events") or {}).get("events") or ()
    told = (each.get("connection") for each in (trace, *events[:1]))
    connection: dict[str, Any] = next(filter(None, told), {})
    return SocketTrace(
        str(trace["trace_id"]),
        address_in(connection.get("local_address")),
        address_in(connection.get("remote_address")),
        tuple(event for event in map(_json_event, events) if event is not None),
        kind == BUFFERED,
    )


def _json_event(event: dict[str, Any]) -> SocketEvent | None:
    """None: it is of no kind, as in the first segment of ``JSON_BODY_AS_STRING``."""
    kind = next((kind for kind in KINDS if kind in event), None)
    if kind is None:
        return None
    body = event[kind].get("data") or {}
    text, stamp = body.get("as_string"), event.get("timestamp")
    return SocketEvent(
        kind,
        b64decode(body.get("as_bytes", ""), validate=True) if text is None else text.encode(),
        datetime.fromisoformat(stamp).timestamp() if stamp else None,
        int(event.get("seq_num") or 0),
        bool(body.get("truncated", False)),
    )


def of_message(kind: str, trace: Any) -> SocketTrace:
    """From the message of that field of a ``TraceWrapper``."""
    events: Iterable[Any] = trace.events
    if kind == STREAMED:
        events = [trace.event] if trace.HasField("event") else trace.events.events
    events = list(events)
    connection = trace.connection
    if events and not trace.HasField("connection"):
        connection = events[0].connection
    return SocketTrace(
        str(trace.trace_id),
        address_of(connection.local_address),
        address_of(connection.remote_address),
        tuple(event for event in map(_event, events) if event is not None),
        kind == BUFFERED,
    )


def _event(event: Any) -> SocketEvent | None:
    kind: Kind | None = event.WhichOneof("event_selector")
    if kind is None:
        return None
    stamp = event.timestamp
    time = stamp.seconds + stamp.nanos / 1e9 if event.HasField("timestamp") else None
    if kind == "closed":
        return SocketEvent(kind, b"", time, event.seq_num)
    body = getattr(event, kind).data
    data = body.as_bytes or body.as_string.encode()
    return SocketEvent(kind, data, time, event.seq_num, body.truncated)
