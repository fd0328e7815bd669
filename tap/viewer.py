"""One viewer of the hub: what it wants to see, its bounded queue, and its counts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from mesh_traffic import Body, Exchange
from tap.terms import Predicate

MAX_QUEUED = 1_000  # exchanges that wait for one viewer; beyond it the oldest is dropped
NOT_YET = "not attached yet"  # why an Envoy is not watched, at first


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the traffic a viewer sees, counted since it came.

    ``watching`` of ``targets`` Envoys are tapped now; ``notes`` say why the others are not.
    ``seen``: captured; ``shown``: of those, matched and handed to the viewer; ``lost``: captured
    and not shown although they might have matched, be it for a full queue or an unreadable trace.
    """

    watching: int = 0
    targets: int = 0
    seen: int = 0
    shown: int = 0
    lost: int = 0
    notes: tuple[str, ...] = ()


class Viewer:
    """``look`` gives the hub's side of the coverage: Envoys, notes, and traces lost so far.

    ``needs_tap``: the summaries of access logs are not enough for it.
    """

    def __init__(
        self,
        match: Predicate,
        bodies: bool,
        look: Callable[[], Coverage],
        needs_tap: bool = True,
    ) -> None:
        self.needs_tap = needs_tap
        self._match = match
        self._bodies = bodies
        self._look = look
        self._lost_before = look().lost
        self._seen = self._shown = self._dropped = 0
        self._queue: deque[Exchange] = deque()
        self._news = True  # the first thing to tell is who is watched
        self._ready = asyncio.Event()
        self._ready.set()

    def offer(self, exchange: Exchange) -> None:
        """Queue ``exchange`` if it matches. Never waits."""
        self._seen += 1
        if not self._match(exchange):
            return
        if len(self._queue) >= MAX_QUEUED:
            self._queue.popleft()
            self._dropped += 1
        self._queue.append(exchange if self._bodies else without_bodies(exchange))
        self._ready.set()

    def notice(self) -> None:
        """An Envoy came or went: the viewer will hear of it before the next exchange."""
        self._news = True
        self._ready.set()

    async def next(self) -> Exchange | Coverage:
        """The next thing to show. Cancelling it loses nothing."""
        while not (self._news or self._queue):
            self._ready.clear()
            await self._ready.wait()
        if self._news:
            self._news = False
            return self.coverage()
        self._shown += 1
        return self._queue.popleft()

    def coverage(self) -> Coverage:
        now = self._look()
        lost = now.lost - self._lost_before + self._dropped
        return replace(now, seen=self._seen, shown=self._shown, lost=lost)


def without_bodies(exchange: Exchange) -> Exchange:
    """The exchange with the sizes of its bodies only."""
    request, response = exchange.request, exchange.response
    return replace(
        exchange,
        request=replace(request, body=_size_of(request.body)),
        response=None if response is None else replace(response, body=_size_of(response.body)),
    )


def _size_of(body: Body) -> Body:
    return Body(b"", truncated=bool(body), size=body.size)
