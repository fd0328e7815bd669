"""What the sockets saw of a request, and its access log entry → one exchange. Sans-IO.

Rule 1: of one node, both see the same request if it is on the same connection (the client's, or
        Envoy's own to the upstream), and has the same ``x-request-id``; where a client sent none,
        the same method and path, and of several the one that began nearest.
Rule 2: the client's connection tells what came in and went out, so it is taken, where both were
        seen; the other one is then the same request once more, and not shown.
Rule 3: who is there waits for the other, at most ``WAIT``, and then goes alone: what no HTTP filter
        saw, a try before the last one, or a request whose connection is not tapped.
Rule 4: as many wait as ``MAX_WAITING``; beyond that the oldest goes alone. A half that comes after
        the other went alone is not another exchange; one with headers and bodies is counted. A try
        that went alone is no half: its entry is still to come.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from mesh_traffic import Exchange, replace
from tap.access_log import SOURCE as LOG
from tap.join import MAX_WAITING

WAIT = 1.0  # seconds; the log is sent every 20 ms, and much waits for nothing: earlier tries

Wire = tuple[str, str]  # the side of Envoy that a connection is on, and its client's address
_Key = tuple[Wire, str]


@dataclass(slots=True, eq=False)
class _Half:
    """An exchange that waits until ``end``; ``gone`` when it has been given out."""

    exchange: Exchange
    end: float
    gone: bool = False


class SocketJoiner:
    """The halves of one node that wait. ``late``: of the sockets, when the entry had gone alone."""

    def __init__(self) -> None:
        self.late = 0
        self._sockets: dict[Wire, list[_Half]] = {}
        self._entries: dict[Wire, list[_Half]] = {}
        self._order: deque[_Half] = deque()
        self._waiting = 0
        # entries that went not long ago, by wire and what they are known by: whether alone
        self._went: dict[_Key, bool] = {}
        self._shown: dict[_Key, bool] = {}  # and what the clients' connections saw, alone

    def __len__(self) -> int:
        return self._waiting

    def receive(self, exchange: Exchange, now: float) -> list[Exchange]:
        """What can go on now that ``exchange`` has come; ``now`` is in seconds."""
        if exchange.sources == (LOG,):
            found = self._of_entry(exchange)
            if found:
                return [self._joined(found, exchange)]
            return [] if self._was_shown(exchange) else self._wait(self._entries, exchange, now)
        entry = _nearest(self._found(self._entries, exchange), exchange)
        if entry is not None:
            self._take(self._entries, entry)
            return [self._joined([exchange], entry.exchange)]
        # bytes that are no HTTP are shown all the same: nothing else tells of them
        if exchange.request.method and self._has_gone(exchange):
            return []
        return self._wait(self._sockets, exchange, now)

    def tick(self, now: float) -> list[Exchange]:
        """Those that waited long enough."""
        found = []
        while self._order and (self._order[0].gone or self._order[0].end <= now):
            half = self._order.popleft()
            if not half.gone:
                found.append(self._alone(half))
        return found

    def flush(self) -> list[Exchange]:
        """All that wait: no other half comes any more."""
        return self.tick(float("inf"))

    def _of_entry(self, entry: Exchange) -> list[Exchange]:
        """What the client's connection saw of it, and Envoy's own; they wait no longer."""
        taken = []
        for wire in _wires(entry):
            halves = [half for half in self._sockets.get(wire, ()) if _alike(half.exchange, entry)]
            half = _nearest(halves, entry) if wire[0] == "client" else _last(halves)
            if half is not None:
                self._take(self._sockets, half)
                taken.append(half.exchange)
        return taken

    def _found(self, there: dict[Wire, list[_Half]], exchange: Exchange) -> list[_Half]:
        halves = (half for wire in _wires(exchange) for half in there.get(wire, ()))
        return [half for half in halves if _alike(exchange, half.exchange)]

    def _was_shown(self, entry: Exchange) -> bool:
        """Whether what its client's connection saw of it went alone."""
        wire = _wires(entry)[0]
        names = [(wire, name) for name in _names(entry, wire)]
        return any([self._shown.pop(key, False) for key in names])

    def _has_gone(self, exchange: Exchange) -> bool:
        """Whether its entry went; with another view of it, or alone, which is counted."""
        keys = [(wire, name) for wire in _wires(exchange) for name in _names(exchange, wire)]
        gone = [self._went.pop(key) for key in keys if key in self._went]
        self.late += any(gone)
        return bool(gone)

    def _wait(
        self, there: dict[Wire, list[_Half]], exchange: Exchange, now: float
    ) -> list[Exchange]:
        half = _Half(exchange, now + WAIT)
        for wire in _wires(exchange):
            there.setdefault(wire, []).append(half)
        self._waiting += 1
        self._order.append(half)
        if len(self._order) <= MAX_WAITING:
            return []
        oldest = self._order.popleft()
        return [] if oldest.gone else [self._alone(oldest)]

    def _take(self, there: dict[Wire, list[_Half]], half: _Half) -> None:
        half.gone = True
        self._waiting -= 1
        for wire in _wires(half.exchange):
            there[wire].remove(half)
            if not there[wire]:
                del there[wire]

    def _alone(self, half: _Half) -> Exchange:
        exchange = half.exchange
        is_entry = exchange.sources == (LOG,)
        self._take(self._entries if is_entry else self._sockets, half)
        if is_entry:
            _remember(self._went, exchange, _wires(exchange), alone=True)
        elif not exchange.upstream_local:
            _remember(self._shown, exchange, _wires(exchange), alone=True)
        return exchange

    def _joined(self, views: list[Exchange], entry: Exchange) -> Exchange:
        """The first of the views with its entry; a view that is still to come is not shown."""
        seen, came = views[0], [wire for view in views for wire in _wires(view)]
        rest = [wire for wire in _wires(entry) if wire not in came]
        _remember(self._went, entry, rest, alone=False)
        request, asked = seen.request, entry.request
        if request.method:  # its path was not rewritten, but for Envoy's own connection
            request = replace(
                request, path=asked.path or request.path, scheme=asked.scheme or request.scheme
            )
        else:  # no HTTP: the bytes, beside what Envoy made of them
            request = replace(asked, body=request.body)
        response, answered = seen.response or entry.response, entry.response
        if response is not None and not response.status and answered is not None:
            response = replace(response, status=answered.status)
        sources = (*seen.sources, *entry.sources)
        return replace(entry, id=seen.id, request=request, response=response, sources=sources)


def _remember(there: dict[_Key, bool], exchange: Exchange, wires: list[Wire], alone: bool) -> None:
    for wire in wires:
        for name in _names(exchange, wire):
            there[wire, name] = alone
    while len(there) > MAX_WAITING:
        del there[next(iter(there))]


def _wires(exchange: Exchange) -> list[Wire]:
    """The connections that it may be on: an entry knows both, a socket is on one of them."""
    upstream = exchange.upstream_local
    if exchange.sources != (LOG,) and upstream:
        return [("upstream", upstream)]
    wires = [("client", exchange.source.address)]
    return [*wires, ("upstream", upstream)] if upstream else wires


def _names(exchange: Exchange, wire: Wire) -> list[str]:
    """What it may be known by on its connection, as in ``_alike``."""
    asked = exchange.request
    names = [exchange.request_id] if exchange.request_id else []
    return [*names, f"{asked.method} {asked.path}"] if wire[0] == "client" else names


def _alike(seen: Exchange, entry: Exchange) -> bool:
    if seen.request_id and seen.request_id == entry.request_id:
        return True
    asked, told = seen.request, entry.request
    if not asked.method:  # Envoy could make no request of it either
        return not told.path
    return not seen.upstream_local and (asked.method, asked.path) == (told.method, told.path)


def _last(halves: list[_Half]) -> _Half | None:
    """Of several tries the one that the entry tells of."""
    return halves[-1] if halves else None


def _nearest(halves: list[_Half], exchange: Exchange) -> _Half | None:
    def far(half: _Half) -> tuple[bool, float]:
        same = half.exchange.request_id == exchange.request_id
        return not same, abs(half.exchange.started - exchange.started)

    return min(halves, key=far, default=None)
