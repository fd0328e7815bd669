"""What was seen of one request → an exchange. Pure: what a tap and an access log saw, and who is
who in the mesh.

``duration`` is the log's, else the time to the response's headers, which Envoy measured: when the
last byte went is in no trace, and the time of arrival here would add our own lag to the service's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mesh_traffic import Body, Exchange, Request, Response, Timing, replace
from tap import access_log, flags
from tap.access_log import Entry
from tap.join import Joined, Seen
from tap.topology import Topology
from tap.traces.decode import BufferedTrace, Message

SOURCE = "tap"
MAX_DIGITS = 18  # of a content-length

_NO_REQUEST = Request(method="", path="", scheme="")  # Envoy answered bytes that were no request
_NO_TIMES = Timing()


class Assembler:
    """The exchanges of one Envoy. ``ids`` names them, one after the other."""

    def __init__(self, node: str, topology: Topology, ids: Iterator[str]) -> None:
        self.node = node
        self.topology = topology
        self._ids = ids

    def exchange(self, seen: Seen, now: float) -> Exchange:
        """The exchange of what was ``seen`` of it. ``now``, epoch seconds: when a trace came, for
        one that does not say it itself."""
        if isinstance(seen, Joined):
            return self._joined(*seen)
        if isinstance(seen, BufferedTrace):
            return self._tapped(seen, now)
        return self._logged(seen, seen.request, seen.response, (access_log.SOURCE,))

    def _tapped(self, trace: BufferedTrace, now: float) -> Exchange:
        known = _known(trace.request)
        request = _request(trace.request, known)
        response = _response(trace.response, request.method)
        topology, listener = self.topology, self.topology.listener(trace.listener)
        return Exchange(
            next(self._ids),
            self.node,
            request,
            response,
            known.get("x-request-id", ""),
            listener.direction if listener else "",
            topology.source(listener, trace.client),
            topology.destination(listener, trace.upstream, request.authority),
            trace.started or now,
            _duration(trace),
            flags=flags.told_by(response),
            upstream_local=trace.upstream_local,
            sources=(trace.source,),
        )

    def _joined(self, trace: BufferedTrace, entry: Entry) -> Exchange:
        """The tap's headers and bodies with the log's route, flags and times."""
        request = entry.request
        if trace.request is not None:
            request = _joined_request(_request(trace.request, _known(trace.request)), request)
        response = _joined_response(_response(trace.response, request.method), entry.response)
        return self._logged(entry, request, response, (trace.source, access_log.SOURCE))

    def _logged(
        self, entry: Entry, request: Request, response: Response | None, sources: tuple[str, ...]
    ) -> Exchange:
        topology, listener = self.topology, self.topology.listener(entry.listener)
        return Exchange(
            next(self._ids),
            self.node,
            request,
            response,
            entry.request_id,
            listener.direction if listener else "",
            topology.source(listener, entry.client),
            topology.destination(listener, entry.upstream, entry.request.authority),
            entry.started,
            entry.duration,
            entry.route,
            entry.cluster,
            entry.flags,
            entry.attempts,
            entry.details,
            entry.upstream_local,
            entry.timing,
            sources,
        )


def _duration(trace: BufferedTrace) -> float | None:
    if trace.request is None or trace.response is None:
        return None
    if trace.request.time is None or trace.response.time is None:
        return None
    return max(0.0, trace.response.time - trace.request.time)


def _known(message: Message | None) -> Mapping[str, str]:
    """Fields by their names, which Envoy has in lower case."""
    return dict(message.fields.fields) if message is not None else {}


def _request(message: Message | None, known: Mapping[str, str]) -> Request:
    if message is None:
        return _NO_REQUEST
    return Request(
        known.get(":method") or "GET",
        known.get(":path") or "/",
        known.get(":authority") or known.get("host", ""),
        known.get(":scheme") or "http",
        message.fields.ordinary(),
        _sized(message.body, known.get("content-length", "")),
        message.trailers,
    )


def _response(message: Message | None, method: str) -> Response | None:
    if message is None:
        return None
    known = _known(message)
    status, length = known.get(":status", ""), known.get("content-length", "")
    return Response(
        int(status) if status.isascii() and status.isdigit() else 0,
        message.fields.ordinary(),
        message.body if method == "HEAD" else _sized(message.body, length),
        message.trailers,
    )


def _sized(body: Body, length: str) -> Body:
    """The body, if it was cut off with the size that it was said to have."""
    if not body.truncated or not length.isdecimal() or len(length) > MAX_DIGITS:
        return body
    return Body(body.data, True, int(length))


def _joined_request(tapped: Request, logged: Request) -> Request:
    """The tap's, but with the log's path: a trace is written at the end, when the route may have
    rewritten it."""
    path, body = logged.path or tapped.path, _size_of(tapped.body, logged.body)
    if path == tapped.path and body is tapped.body:
        return tapped
    return replace(tapped, body=body, path=path)


def _joined_response(tapped: Response | None, logged: Response | None) -> Response | None:
    if tapped is None or logged is None:
        return tapped or logged
    body = _size_of(tapped.body, logged.body)
    return tapped if body is tapped.body else replace(tapped, body=body)


def _size_of(tapped: Body, logged: Body) -> Body:
    """The tap's; a body that it cut off has the size that the log knows."""
    return tapped if tapped.size is not None else replace(tapped, size=logged.size)
