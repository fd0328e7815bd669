"""Pieces of connections → exchanges. Sans-IO: traces and the time go in, exchanges come out.

Rule 1: a connection is known by its trace id as long as its Envoy lives, also while nobody taps:
        who taps again gets the rest of it, without its addresses (seen with Envoy 1.40).
Rule 2: connections are bounded, in number and in bytes that wait. Beyond it the oldest is given
        out as it is and counted; what still comes of it is one whose beginning was not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mesh_traffic import Body, Exchange, Request, Response, Timing
from tap import flags
from tap.sockets.connection import CUT_OFF, Connection
from tap.sockets.spoken import Said, Spoken
from tap.sockets.traces import SocketTrace
from tap.topology import Topology

SOURCE = "socket tap"
MAX_CONNECTIONS = 4096  # of one Envoy
MAX_HELD = 64 << 20  # bytes that wait, of all of them


class Sockets:
    """The connections of one Envoy. Of each body, and of each side of what is no HTTP, ``keep``
    bytes are kept. ``lost`` counts what was given out before its end, or could not be understood
    because bytes before it are missing; ``held`` are the bytes that wait.
    """

    def __init__(self, node: str, ids: Iterator[str], keep: int) -> None:
        self.node = node
        self._topology = Topology()
        self._ids = ids
        self._keep = keep
        self.held = self._lost = 0
        self._connections: dict[str, Connection] = {}  # the oldest first

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def lost(self) -> int:
        return self._lost + sum(one.gaps + one.lost for one in self._connections.values())

    def receive(self, trace: SocketTrace, topology: Topology, now: float) -> list[Exchange]:
        """The exchanges that ``trace`` completes. ``now``: its arrival, epoch seconds."""
        self._topology = topology
        connection, done = self._connection(trace, now)
        before = connection.held
        for event in trace.events:
            done += self._exchanges(connection, connection.receive(event, now))
        if trace.whole and not connection.is_closed:
            done += self._exchanges(connection, connection.close(CUT_OFF))
        self.held += connection.held - before
        if connection.is_closed:
            self._forget(trace.trace_id)
        while self.held > MAX_HELD:
            done += self._evict()
        return done

    def flush(self, topology: Topology) -> list[Exchange]:
        """All that is pending, as far as it was seen: the source is gone."""
        self._topology = topology
        return [one for key in [*self._connections] for one in self._give_out(key)]

    def _connection(self, trace: SocketTrace, now: float) -> tuple[Connection, list[Exchange]]:
        """The trace's own, or a new one; and what had to go for it."""
        known = self._connections.get(trace.trace_id)
        begins = trace.whole or not trace.events
        if known is not None and not begins:
            known.local, known.remote = trace.local or known.local, trace.remote or known.remote
            return known, []
        done = self._give_out(trace.trace_id) if known is not None else []
        if len(self._connections) >= MAX_CONNECTIONS:
            done += self._evict()
        made = Connection(self._keep, trace.local, trace.remote, self._took(trace), now)
        if not begins and (not trace.events or trace.events[0].seq != 1):
            made.join_midway()
        self._connections[trace.trace_id] = made
        return made, done

    def _took(self, trace: SocketTrace) -> bool | None:
        if self._topology.listener(trace.local) is not None:
            return True
        made = trace.remote in self._topology.endpoints or bool(trace.remote and not trace.local)
        return False if made else None

    def _evict(self) -> list[Exchange]:
        self._lost += 1
        return self._give_out(next(iter(self._connections)))

    def _give_out(self, key: str) -> list[Exchange]:
        connection = self._connections[key]
        self.held -= connection.held
        done = self._exchanges(connection, connection.close(CUT_OFF))
        self._forget(key)
        return done

    def _forget(self, key: str) -> None:
        gone = self._connections.pop(key)
        self._lost += gone.gaps + gone.lost

    def _exchanges(self, connection: Connection, spoken: Iterable[Spoken]) -> list[Exchange]:
        return [self._exchange(connection, one) for one in spoken]

    def _exchange(self, connection: Connection, spoken: Spoken) -> Exchange:
        took, known = connection.took is not False, _known(spoken.request)
        client, server = connection.remote, connection.local
        if not took:
            client, server = server, client
        listener = self._topology.listener(server) if took else None
        request, response = _request(spoken.request, known), _response(spoken.response)
        first = spoken.request or spoken.response
        begin = first.begin if first else 0.0
        return Exchange(
            id=next(self._ids),
            node=self.node,
            request=request,
            response=response,
            request_id=known.get("x-request-id", ""),
            direction=listener.direction if listener else "",
            source=self._topology.source(listener, client),
            destination=self._topology.destination(
                listener, "" if took else server, request.authority
            ),
            started=begin,
            duration=_duration(spoken, begin),
            flags=flags.told_by(response),
            details=spoken.details,
            upstream_local="" if took else client,
            timing=_timing(spoken, begin, took),
            sources=(SOURCE,),
        )


def _known(said: Said | None) -> dict[str, str]:
    """Fields by their names; those of both protocols are lower case here."""
    return dict(said.fields.fields) if said is not None else {}


def _request(said: Said | None, known: Mapping[str, str]) -> Request:
    if said is None or not known:
        return Request(method="", path="", scheme="", body=said.body() if said else Body())
    return Request(
        known.get(":method") or "GET",
        known.get(":path") or "/",
        known.get(":authority") or known.get("host", ""),
        known.get(":scheme") or "http",
        said.fields.ordinary(),
        said.body(),
        said.trailers,
    )


def _response(said: Said | None) -> Response | None:
    if said is None:
        return None
    status = _known(said).get(":status", "")
    number = int(status) if status.isascii() and status.isdigit() and len(status) < 10 else 0
    return Response(number, said.fields.ordinary(), said.body(), said.trailers)


def _duration(spoken: Spoken, begin: float) -> float | None:
    if spoken.request is None or spoken.response is None or spoken.response.end is None:
        return None
    return max(0.0, spoken.response.end - begin)


def _timing(spoken: Spoken, begin: float, took: bool) -> Timing:
    """Of a connection that Envoy made, it sent the request and was answered."""

    def since(moment: float | None) -> float | None:
        return None if moment is None else max(0.0, moment - begin)

    asked = since(spoken.request.end if spoken.request else None)
    ended = since(spoken.response.end if spoken.response else None)
    if took:
        return Timing(asked=asked, ended=ended)
    answered = since(spoken.response.begin if spoken.response else None)
    return Timing(sent=0.0, answered=answered)
