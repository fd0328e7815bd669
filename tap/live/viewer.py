"""One viewer of the hub: what it wants to see, its bounded queue, and its counts.

A viewer that does not read fast enough gets less of each exchange, in this order, before it loses
one: from half of its bounds on no bodies, from three quarters on no headers. When they are
reached, the oldest goes for each that comes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mesh_traffic import Body, Exchange, Headers, Request, Response, replace
from tap.access_log import SOURCE as LOG
from tap.language.conditions import Condition
from tap.language.terms import Predicate
from tap.live.coverage import Coverage, since

MAX_QUEUED = 10_000  # exchanges that wait for one viewer
MAX_QUEUED_BYTES = 64 * 1024 * 1024  # of their bodies and headers
NO_BODIES = 0.5  # share of either from which on bodies are left out
NO_HEADERS = 0.75  # and headers
NOT_YET = "not attached yet"  # why an Envoy is not watched, at first
_NOTHING = Headers()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a viewer wants besides the exchanges that match: their ``bodies``; what only a ``tap``
    tells, and no access log. ``reads``: its filter looks at headers or bodies. ``implied`` holds
    for all that it matches, None if nothing is known to.
    """

    bodies: bool = True
    tap: bool = True
    reads: bool = False
    implied: Condition | None = None


EVERYTHING = Wish()


class Viewer:
    """``look`` gives the hub's side of the coverage: Envoys, notes, and counts so far."""

    def __init__(
        self, match: Predicate, look: Callable[[], Coverage], wish: Wish = EVERYTHING
    ) -> None:
        self.wish = wish
        self._match = match
        self._look = look
        self._before = look()
        self._seen = self._shown = self._dropped = self._reduced = 0
        self._queue: deque[tuple[Exchange, int]] = deque()
        self._bytes = 0
        self._news = True  # the first thing to tell is who is watched
        self._ready = asyncio.Event()
        self._ready.set()

    def offer(self, exchange: Exchange, bare: Exchange | None = None) -> None:
        """Queue ``exchange`` if it matches. Never waits. ``bare``: the same without its bodies, if
        somebody has made it already."""
        self._seen += 1
        untapped = self.wish.tap and exchange.sources == (LOG,)
        if not self._match(exchange):
            self._dropped += untapped and self.wish.reads  # nobody knows whether it matches
            return
        shown, reduced = self._fitting(exchange, bare)
        self._reduced += reduced or untapped or (self.wish.bodies and _lacks_a_body(shown))
        size = _size(shown)
        while self._queue and self._is_full(size):
            self._bytes -= self._queue.popleft()[1]
            self._dropped += 1
        self._queue.append((shown, size))
        self._bytes += size
        self._ready.set()

    def _is_full(self, more: int) -> bool:
        return len(self._queue) >= MAX_QUEUED or self._bytes + more > MAX_QUEUED_BYTES

    def _fitting(self, exchange: Exchange, bare: Exchange | None) -> tuple[Exchange, bool]:
        """As much of it as there is room for, and whether that is less than was wished for."""
        fill = max(len(self._queue) / MAX_QUEUED, self._bytes / MAX_QUEUED_BYTES)
        if fill >= NO_HEADERS:
            return without_headers(without_bodies(exchange)), True
        if not self.wish.bodies:
            return bare or without_bodies(exchange), False
        return (without_bodies(exchange), True) if fill >= NO_BODIES else (exchange, False)

    def notice(self) -> None:
        """An Envoy came or went: the viewer will hear of it before the next exchange."""
        self._news = True
        self._ready.set()

    async def next(self) -> Exchange | Coverage:
        """The next thing to show. Cancelling it loses nothing."""
        while (event := self.pop()) is None:
            self._ready.clear()
            await self._ready.wait()
        return event

    def pop(self) -> Exchange | Coverage | None:
        """The next thing to show, if it is there already."""
        if self._news:
            self._news = False
            return self.coverage()
        if not self._queue:
            return None
        self._shown += 1
        exchange, size = self._queue.popleft()
        self._bytes -= size
        return exchange

    def coverage(self) -> Coverage:
        now = self._look()
        return replace(
            now,
            seen=self._seen,
            shown=self._shown,
            lost=now.lost - self._before.lost + self._dropped,
            reduced=self._reduced,
            sources=since(self._before.sources, now.sources),
            not_stored=now.not_stored - self._before.not_stored,
        )


def without_bodies(exchange: Exchange) -> Exchange:
    """The exchange with the sizes of its bodies only."""
    request, response = exchange.request, exchange.response
    return replace(
        exchange,
        request=replace(request, body=_size_of(request.body)),
        response=None if response is None else replace(response, body=_size_of(response.body)),
    )


def without_headers(exchange: Exchange) -> Exchange:
    """The exchange without its headers and trailers."""
    request, response = exchange.request, exchange.response
    if response is not None:
        response = replace(response, headers=_NOTHING, trailers=_NOTHING)
    request = replace(request, headers=_NOTHING, trailers=_NOTHING)
    return replace(exchange, request=request, response=response)


def _lacks_a_body(exchange: Exchange) -> bool:
    """Whether there was a body and nothing of it was captured."""
    response = exchange.response
    bodies = (exchange.request.body, response.body) if response else (exchange.request.body,)
    return any(body.truncated and not body.data for body in bodies)


def _size_of(body: Body) -> Body:
    return Body(b"", truncated=bool(body), size=body.size)


def _size(exchange: Exchange) -> int:
    """About how many bytes it takes."""
    response = exchange.response
    return _weight(exchange.request) + (0 if response is None else _weight(response))


def _weight(message: Request | Response) -> int:
    fields = sum(len(name) + len(value) for name, value in message.headers.fields)
    return len(message.body.data) + fields
