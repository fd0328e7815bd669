"""The hub (a door): it owns the one admin tap of each Envoy, and viewers come and go.

It attaches to the Envoys while at least one viewer watches, and to each of them once, however many
watch. Each viewer gets what its own filter lets through. What can't be captured or delivered is
counted and told, never raised: a tap must not bring down the mesh that it looks at.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count

from mesh_traffic import Exchange
from tap.background import Spawn, background
from tap.feed import Feed
from tap.redact import Redactor
from tap.request import TapRequest
from tap.sources.admin_tap import AdminTap
from tap.sources.source import Attached, Chunk, Source, SourceEvent
from tap.terms import BARE, Predicate
from tap.topology import Topology
from tap.viewer import NOT_YET, Coverage, Viewer

MAX_VIEWERS = 64
TICK = 0.25  # seconds between looks at streamed traces that went silent

log = logging.getLogger(__name__)


class HubError(Exception):
    """The hub can't do what it was asked; the message says why."""


@dataclass(frozen=True, slots=True)
class TapTarget:
    """One Envoy to tap: its node id and the ``ip:port`` of its admin interface."""

    node: str
    admin: str


OpenSource = Callable[[TapTarget, TapRequest], Source]


def open_admin_tap(target: TapTarget, request: TapRequest) -> Source:
    return AdminTap(target.admin, request)


@dataclass(slots=True)
class _Tap:
    """One Envoy while it is watched."""

    target: TapTarget
    source: Source
    feed: Feed
    task: asyncio.Task[None] | None = None
    attached: bool = False
    why: str = NOT_YET


class Hub:
    """Everything captured in one mesh, for any number of viewers."""

    def __init__(
        self,
        targets: Iterable[TapTarget] = (),
        topology: Topology | None = None,
        *,
        request: TapRequest | None = None,
        redact: Redactor | None = None,
        open_source: OpenSource = open_admin_tap,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.topology = topology or Topology()
        self._targets = {target.node: target for target in targets}
        self._request = request or TapRequest()
        self._redact = redact or Redactor()
        self._open = open_source
        self._clock = clock
        self._ids = map("{:04x}".format, count(1))
        self._taps: dict[str, _Tap] = {}
        self._viewers: list[Viewer] = []
        self._lost_before = 0  # by taps that are no more
        self._spawn: Spawn | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        """While inside, viewers get what they watch."""
        async with background() as spawn:
            self._spawn = spawn
            if self._request.streamed:
                spawn(self._tick(), "tap tick")
            self._sync()
            try:
                yield self
            finally:
                self._spawn = None
                self._sync()

    async def update(self, targets: Iterable[TapTarget], topology: Topology) -> None:
        """The mesh changed. Taps of Envoys that stay go on without a gap."""
        self.topology = topology
        self._targets = {target.node: target for target in targets}
        self._sync()
        for tap in self._taps.values():
            tap.feed.learn(topology)
            tap.source.nudge()
        self._notice()

    @contextmanager
    def watch(self, match: Predicate = BARE["~all"], bodies: bool = True) -> Iterator[Viewer]:
        """A viewer that is served while inside. Raises HubError when there are too many."""
        if len(self._viewers) >= MAX_VIEWERS:
            raise HubError(f"{MAX_VIEWERS} viewers are watching already")
        viewer = Viewer(match, bodies, self.coverage)
        self._viewers.append(viewer)
        self._sync()
        try:
            yield viewer
        finally:
            self._viewers.remove(viewer)
            self._sync()

    def coverage(self) -> Coverage:
        """The Envoys' side of it: who is watched, who is not and why, and traces lost so far."""
        taps = [self._taps[node] for node in self._targets if node in self._taps]
        return Coverage(
            watching=sum(tap.attached for tap in taps),
            targets=len(self._targets),
            lost=self._lost_before + sum(tap.feed.lost for tap in self._taps.values()),
            notes=tuple(f"{tap.target.node}: {tap.why}" for tap in taps if not tap.attached),
        )

    def _sync(self) -> None:
        """Start and end taps, so that exactly the wanted ones run."""
        wanted = self._targets if self._viewers and self._spawn is not None else {}
        for node, tap in list(self._taps.items()):
            if wanted.get(node) != tap.target:
                self._end(node)
        for node, target in wanted.items():
            if node not in self._taps:
                self._begin(target)

    def _begin(self, target: TapTarget) -> None:
        assert self._spawn is not None
        feed = Feed(target.node, self.topology, self._ids, self._redact)
        tap = _Tap(target, self._open(target, self._request), feed)
        tap.task = self._spawn(self._follow(tap), f"tap of {target.node}")
        self._taps[target.node] = tap

    def _end(self, node: str) -> None:
        tap = self._taps.pop(node)
        self._deliver(tap.feed.cut(self._clock()))
        self._lost_before += tap.feed.lost
        if tap.task is not None:
            tap.task.cancel()

    async def _follow(self, tap: _Tap) -> None:
        try:
            async with aclosing(tap.source.events()) as events:
                async for event in events:
                    self._handle(tap, event)
        except Exception as error:  # the mesh must live on, and its viewers must know
            log.exception("tap of %s", tap.target.node)
            self._lose(tap, f"tap failed: {error!r}")

    def _handle(self, tap: _Tap, event: SourceEvent) -> None:
        if isinstance(event, Chunk):
            self._deliver(tap.feed.receive(event.data, self._clock()))
        elif isinstance(event, Attached):
            tap.attached, tap.why = True, ""
            self._notice()
        else:
            self._lose(tap, event.why)

    def _lose(self, tap: _Tap, why: str) -> None:
        self._deliver(tap.feed.cut(self._clock()))
        if tap.attached or tap.why != why:
            tap.attached, tap.why = False, why
            self._notice()

    def _deliver(self, exchanges: Iterable[Exchange]) -> None:
        for exchange in exchanges:
            for viewer in self._viewers:
                viewer.offer(exchange)

    def _notice(self) -> None:
        for viewer in self._viewers:
            viewer.notice()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for tap in self._taps.values():
                self._deliver(tap.feed.tick(self._clock()))
