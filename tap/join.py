"""Two sources' views of one request at one node → one exchange. Sans-IO, time is an argument.

Rule 1: of one node, the tap and the access log see the same request by the same client address and
        ``x-request-id``; of several, such as the tries of one caller, those are one that began
        nearest to one another.
Rule 2: whoever comes first waits for the other, at most ``WAIT``, and then goes alone: a request
        that began before the tap came has a summary only, one of a lost log has no route.
Rule 3: as many wait as ``MAX_WAITING``; beyond that the oldest goes alone.
Rule 4: a half that comes after the other went alone is not another exchange: it is counted, and
        that is all. As many are remembered as may wait.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from mesh_traffic import Body, Exchange, Request, Response
from tap.access_log import SOURCE as LOG
from tap.assemble import SOURCE as TAP

WAIT = 1.0  # seconds; the log is sent every 20 ms, and later where the machine is busy
MAX_WAITING = 10_000  # exchanges of one node

Key = tuple[str, str]


@dataclass(slots=True, eq=False)
class _Half:
    """An exchange that waits until ``end``; ``gone`` when it has been joined."""

    exchange: Exchange
    end: float
    gone: bool = False


class Joiner:
    """The halves of one node that wait. ``late`` counts those of the tap, with headers and bodies,
    that came when the other had gone."""

    def __init__(self) -> None:
        self.late = 0
        self._went: dict[tuple[Key, tuple[str, ...]], None] = {}  # alone, not long ago
        self._waiting: dict[Key, list[_Half]] = {}
        self._order: deque[_Half] = deque()

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def receive(self, exchange: Exchange, now: float) -> list[Exchange]:
        """What can go on now that ``exchange`` has come; ``now`` is in seconds."""
        key = (exchange.source.address, exchange.request_id)
        other = self._other(key, exchange)
        if other is not None:
            return [joined(other.exchange, exchange)]
        if self._is_late(key, exchange):
            return []
        half = _Half(exchange, now + WAIT)
        self._waiting.setdefault(key, []).append(half)
        self._order.append(half)
        if len(self._order) <= MAX_WAITING:
            return []
        oldest = self._order.popleft()
        return [] if oldest.gone else [self._alone(oldest)]

    def _is_late(self, key: Key, exchange: Exchange) -> bool:
        """Whether its other half went alone; then it is counted here."""
        other = (LOG,) if exchange.sources != (LOG,) else (TAP,)
        if (key, other) not in self._went:
            return False
        del self._went[key, other]
        self.late += exchange.sources != (LOG,)
        return True

    def _other(self, key: Key, exchange: Exchange) -> _Half | None:
        waiting = self._waiting.get(key)
        found = [one for one in waiting or () if one.exchange.sources != exchange.sources]
        if waiting is None or not found:
            return None
        best = min(found, key=lambda one: abs(one.exchange.started - exchange.started))
        best.gone = True
        self._forget(best)
        return best

    def _forget(self, half: _Half) -> None:
        key = (half.exchange.source.address, half.exchange.request_id)
        waiting = self._waiting[key]
        waiting.remove(half)
        if not waiting:
            del self._waiting[key]

    def _alone(self, half: _Half) -> Exchange:
        half.gone = True
        self._forget(half)
        exchange = half.exchange
        self._went[(exchange.source.address, exchange.request_id), exchange.sources] = None
        if len(self._went) > MAX_WAITING:
            del self._went[next(iter(self._went))]
        return exchange

    def tick(self, now: float) -> list[Exchange]:
        """Those that waited long enough."""
        found: list[Exchange] = []
        order = self._order
        while order and (order[0].gone or order[0].end <= now):
            half = order.popleft()
            if not half.gone:
                found.append(self._alone(half))
        return found

    def flush(self) -> list[Exchange]:
        """All that wait: no other half comes any more."""
        return self.tick(float("inf"))


def joined(one: Exchange, other: Exchange) -> Exchange:
    """The tap's headers and bodies with the log's route, flags and times."""
    tapped, logged = (other, one) if one.sources == (LOG,) else (one, other)
    return Exchange(
        one.id,
        logged.node,
        _request(tapped.request, logged.request),
        _response(tapped.response, logged.response),
        logged.request_id,
        logged.direction,
        logged.source,
        logged.destination,
        logged.started,
        logged.duration,
        logged.route,
        logged.cluster,
        logged.flags or tapped.flags,
        logged.attempts,
        logged.details,
        logged.upstream_local,
        logged.timing,
        (*tapped.sources, *logged.sources),
    )


def _request(tapped: Request, logged: Request) -> Request:
    """The tap's; but of bytes that were no request, the log's, and so is the path: a trace is
    written at the end, when the route may have rewritten it."""
    if not tapped.method:
        return logged
    path, body = logged.path or tapped.path, _sized(tapped.body, logged.body)
    if path == tapped.path and body is tapped.body:
        return tapped
    return replace(tapped, body=body, path=path)


def _response(tapped: Response | None, logged: Response | None) -> Response | None:
    if tapped is None or logged is None:
        return tapped or logged
    body = _sized(tapped.body, logged.body)
    return tapped if body is tapped.body else replace(tapped, body=body)


def _sized(tapped: Body, logged: Body) -> Body:
    """The tap's; a body that it cut off has the size that the log knows."""
    return tapped if tapped.size is not None else replace(tapped, size=logged.size)
