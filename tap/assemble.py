"""Traces → exchanges. Sans-IO: traces and the time go in, exchanges come out.

A buffered trace is an exchange at once; streamed segments are collected first (``streamed``).
``duration`` is the time to the response's headers, which Envoy measured: when the last byte went
is in no trace, and the time of arrival here would add our own lag to the service's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap import flags
from tap.decode import BufferedTrace, Message, Trace
from tap.streamed import Streams
from tap.topology import Topology

SOURCE = "tap"


class Assembler:
    """The exchanges of one Envoy. ``ids`` names them, one after the other."""

    def __init__(self, node: str, topology: Topology, ids: Iterator[str]) -> None:
        self.node = node
        self.topology = topology
        self._ids = ids
        self._streams = Streams()

    @property
    def incomplete(self) -> int:
        """How many were given out before their end because too many were pending."""
        return self._streams.evicted

    @property
    def pending(self) -> int:
        """How many streamed traces have not ended."""
        return len(self._streams)

    def receive(self, trace: Trace, now: float) -> list[Exchange]:
        """The exchanges that ``trace`` completes. ``now``: its arrival, epoch seconds."""
        if isinstance(trace, BufferedTrace):
            return [self._exchange(trace, now)]
        return self._exchanges(self._streams.receive(trace, now), now)

    def tick(self, now: float) -> list[Exchange]:
        """Those that went silent. Call it now and then while streamed traces come."""
        return self._exchanges(self._streams.tick(now), now)

    def flush(self, now: float) -> list[Exchange]:
        """All that is pending, as far as it was seen: the source is gone."""
        return self._exchanges(self._streams.flush(), now)

    def _exchanges(self, traces: Iterable[BufferedTrace], now: float) -> list[Exchange]:
        return [self._exchange(trace, now) for trace in traces]

    def _exchange(self, trace: BufferedTrace, now: float) -> Exchange:
        known = dict(trace.request.fields.fields) if trace.request else {}  # Envoy's are lower case
        request = _request(trace.request, known)
        response = _response(trace.response, request.method)
        listener = self.topology.listener(trace.listener)
        return Exchange(
            id=next(self._ids),
            node=self.node,
            request=request,
            response=response,
            request_id=known.get("x-request-id", ""),
            direction=listener.direction if listener else "",
            source=self.topology.source(listener, trace.client),
            destination=self.topology.destination(listener, trace.upstream, request.authority),
            started=_started(trace, now),
            duration=_duration(trace),
            flags=flags.told_by(response),
            upstream_local=trace.upstream_local,
            sources=(SOURCE,),
        )


def _started(trace: BufferedTrace, now: float) -> float:
    message = trace.request or trace.response
    return now if message is None or message.time is None else message.time


def _duration(trace: BufferedTrace) -> float | None:
    if trace.request is None or trace.response is None:
        return None
    if trace.request.time is None or trace.response.time is None:
        return None
    return max(0.0, trace.response.time - trace.request.time)


def _request(message: Message | None, known: Mapping[str, str]) -> Request:
    if message is None:  # Envoy answered bytes that were no request
        return Request(method="", path="", scheme="")
    return Request(
        known.get(":method") or "GET",
        known.get(":path") or "/",
        known.get(":authority") or known.get("host", ""),
        known.get(":scheme") or "http",
        _ordinary(message.fields),
        _sized(message.body, known.get("content-length", "")),
        message.trailers,
    )


def _response(message: Message | None, method: str) -> Response | None:
    if message is None:
        return None
    known = dict(message.fields.fields)
    status, length = known.get(":status", ""), known.get("content-length", "")
    return Response(
        int(status) if status.isascii() and status.isdigit() else 0,
        _ordinary(message.fields),
        message.body if method == "HEAD" else _sized(message.body, length),
        message.trailers,
    )


def _ordinary(fields: Headers) -> Headers:
    return Headers(tuple([field for field in fields.fields if field[0][:1] != ":"]))


def _sized(body: Body, length: str) -> Body:
    """The body with its whole size, where that is known."""
    whole = int(length) if length.isdecimal() and len(length) < 19 else None
    return Body(body.data, body.truncated, whole if body.truncated else len(body.data))
