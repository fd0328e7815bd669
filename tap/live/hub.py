"""The hub (a door): it owns the one admin tap of each Envoy, and viewers come and go.

It attaches to the Envoys while at least one viewer needs what only a tap tells, and to each of them
once, however many watch. Access logs come by themselves, whoever watches. Each viewer gets what its
own filter lets through. What can't be captured or delivered is counted and told, never raised: a
tap must not bring down the mesh that it looks at.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import aiohttp

from mesh_traffic import Exchange
from tap.access_log import SOURCE as LOG
from tap.access_log import Entry, FollowedLog
from tap.ext_proc.collect import Following, Stream
from tap.ext_proc.opening import Opening
from tap.language.terms import BARE, Predicate
from tap.live.background import background
from tap.live.coverage import Coverage, SourceCount, total
from tap.live.feed import Feed
from tap.live.overload import Level, Overload
from tap.live.push import union
from tap.live.taps import Hears, Taps
from tap.live.viewer import EVERYTHING, Viewer, Wish, without_bodies
from tap.otlp.attributes import Names
from tap.otlp.reader import Reader
from tap.redact import Redactor
from tap.sources.access_log import LogStream
from tap.sources.admin_tap import OpenSource, open_admin_tap
from tap.sources.admin_tap import TapTarget as TapTarget
from tap.sources.counters import counters
from tap.topology import Topology
from tap.traces.request import SOCKETS, SOCKETS_REQUEST, Rule, TapRequest

MAX_VIEWERS = 64
AUDIT_EVERY = 1.0  # seconds between looks at what the Envoys themselves count
COUNTED_WITHIN = 0.05  # seconds in which a worker counts a trace that it has handed on already
ATTACHED_WITHIN = 2.0  # seconds
TICK = 0.05  # seconds between looks at what waits: streamed traces, halves of exchanges

log = logging.getLogger(__name__)


class HubError(Exception):
    """The hub can't do what it was asked; the message says why."""


class Hub:
    """Everything captured in one mesh, for any number of viewers.

    ``keep`` gets every exchange, redacted, whoever watches: a store; ``not_kept`` is how many it
    could not take. ``logged``: the Envoys send
    access logs, to whoever calls ``open_log``. ``sockets``: they have transport-socket taps, and
    those are attached to for good instead of the HTTP taps, since a connection that began before is
    not tapped.
    """

    def __init__(
        self,
        targets: Iterable[TapTarget] = (),
        topology: Topology | None = None,
        *,
        request: TapRequest | None = None,
        redact: Redactor | None = None,
        open_source: OpenSource = open_admin_tap,
        clock: Callable[[], float] = time.time,
        keep: Callable[[list[Exchange]], None] | None = None,
        not_kept: Callable[[], int] = lambda: 0,
        logged: bool = False,
        sockets: bool = False,
    ) -> None:
        self.topology = topology or Topology()
        self._targets = {target.node: target for target in targets}
        self._sockets = sockets
        usual = SOCKETS_REQUEST if sockets else TapRequest()
        hears = Hears(self._give, self._notice)
        self._taps = Taps(request or usual, open_source, clock, hears)
        self._overload = Overload()
        self._redact = redact or Redactor()
        self._clock = clock
        self._keep, self._not_kept = keep, not_kept
        self._logged = logged
        self._ids = map("{:04x}".format, count(1))
        self._feeds: dict[str, Feed] = {}
        self._viewers: list[Viewer] = []
        self._past: dict[str, SourceCount] = {}  # of Envoys that are no more
        names = Names(self._redact, self.topology)
        self.otlp = Reader(self._ids, names, lambda node: self._logged and node in self._targets)
        self._waits = asyncio.Event()  # something may have to be given out by time alone
        self._meet()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        """While inside, viewers get what they watch."""
        async with background() as spawn:
            self._taps.spawn = spawn
            spawn(self._tick(), "tap tick")
            spawn(self._audit(), "tap audit")
            self._sync()
            try:
                yield self
            finally:
                self._taps.spawn = None
                self._sync()

    async def update(self, targets: Iterable[TapTarget], topology: Topology) -> None:
        """The mesh changed. Taps of Envoys that stay go on without a gap."""
        self.topology = topology
        self._targets = {target.node: target for target in targets}
        self._meet()
        self._sync()
        for feed in self._feeds.values():
            feed.learn(topology)
        self.otlp.names.learn(topology)
        self._taps.nudge()
        self._notice()

    @contextmanager
    def watch(self, match: Predicate = BARE["~all"], wish: Wish = EVERYTHING) -> Iterator[Viewer]:
        """A viewer that is served while inside. Raises HubError when there are too many.

        Without access logs, everything is known from taps only, whatever it wishes.
        """
        if len(self._viewers) >= MAX_VIEWERS:
            raise HubError(f"{MAX_VIEWERS} viewers are watching already")
        wish = replace(wish, tap=wish.tap or not self._logged)
        viewer = Viewer(match, self.coverage if wish.tap else self._logs, wish)
        self._viewers.append(viewer)
        self._sync()
        self._taps.widen(self._wanted())
        try:
            yield viewer
        finally:
            self._viewers.remove(viewer)
            self._sync()

    def open_log(self) -> LogStream:
        """The access log of some Envoy begins (``tap.sources.access_log``)."""
        return FollowedLog(self)

    def told(self, exchanges: list[Exchange]) -> None:
        """What ``otlp`` read came (``tap.sources.otlp``). A step is no request that a viewer asked
        for; it is kept, for the tree of the one that it is of."""
        shown = [self._redact(exchange) for exchange in exchanges]
        if self._keep is not None and (steps := [one for one in shown if one.is_step]):
            self._keep(steps)
        self._deliver([one for one in shown if not one.is_step])

    def open_stream(self, node: str, opening: Opening) -> Following | None:
        """A request at an Envoy begins to be told by ext_proc (``tap.sources.ext_proc``); None:
        nobody is to read it."""
        feed, now = self._feeds.get(node), self._clock()
        stream = feed.open(opening, now) if feed is not None else None
        if feed is None or stream is None:
            return None
        return Following(stream, partial(self._close, feed))

    def _close(self, feed: Feed, stream: Stream) -> None:
        self._give(feed, feed.close(stream, self._clock()))

    def lose(self, count: int) -> None:
        """So much of the access logs was lost before it came here."""
        self._past = total(self._past, {LOG: SourceCount(lost=count)})

    @property
    def waiting(self) -> int:
        """How many exchanges have been seen by one source, and wait for the other."""
        return sum(feed.waiting for feed in self._feeds.values())

    async def attached(self) -> None:
        """Wait until every Envoy is tapped, for a while at most: one may not be there."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ATTACHED_WITHIN):
                with self.watch() as viewer:
                    while self.coverage().watching < len(self._targets):
                        await viewer.next()

    def coverage(self) -> Coverage:
        """The Envoys' side of it: who is watched, who is not and why, and traces lost so far."""
        if self._overload.level >= Level.HEADERS:
            return self._logs()
        watching, notes = self._taps.standing(self._targets)
        return Coverage(watching, len(self._targets), notes=notes, **self._counted())

    def _logs(self) -> Coverage:
        """The coverage of who needs no taps: each Envoy sends its log when it has something."""
        return Coverage(len(self._targets), len(self._targets), **self._counted())

    def _counted(self) -> dict[str, Any]:
        counts = (feed.counts for feed in self._feeds.values())
        sources = total(self._past, self.otlp.counted(), *counts)
        lost = sum(count.lost for count in sources.values())
        less, not_stored = self._overload.level.in_words, self._not_kept()
        return {"sources": sources, "lost": lost, "less": less, "not_stored": not_stored}

    def _meet(self) -> None:
        """A feed for each Envoy of the mesh, and for no other."""
        for node in self._targets.keys() - self._feeds.keys():
            self._feeds[node] = Feed(
                node, self.topology, self._ids, self._redact, self._logged, self._sockets
            )
        for node in self._feeds.keys() - self._targets.keys():
            self._taps.end(node)
            feed = self._feeds.pop(node)
            self._deliver(feed.end_log(self._clock()))
            self._past = total(self._past, feed.counts)

    def _sync(self) -> None:
        """Tap exactly those Envoys that somebody needs it of."""
        needed = self._sockets or any(viewer.wish.tap for viewer in self._viewers)
        tapping = needed and self._overload.level < Level.HEADERS
        self._taps.sync(self._targets if tapping else {}, self._feeds, self._wanted())

    def _wanted(self) -> Rule:
        """What all viewers together want of the taps."""
        if self._sockets:
            return SOCKETS
        return union(viewer.wish.implied for viewer in self._viewers if viewer.wish.tap)

    @property
    def sampling(self) -> bool:
        """Whether only some requests are wanted of the access logs now."""
        return self._overload.level is Level.REQUESTS

    def logged(self, node: str, entries: list[Entry], sampled: int) -> None:
        """Entries of an Envoy's access log came; ``sampled`` more were left out."""
        feed = self._feeds.get(node)
        if feed is None:
            self.lose(len(entries))
        elif self._logged:
            self._give(feed, feed.log(entries, self._clock(), sampled))

    def log_ended(self, node: str, errors: int) -> None:
        """The log of an Envoy is over; ``errors`` of its messages could not be read."""
        self.lose(errors)
        feed = self._feeds.get(node)
        if feed is not None:
            self._deliver(feed.end_log(self._clock()))

    def _give(self, feed: Feed, exchanges: list[Exchange]) -> None:
        """What a feed tells; more of it may wait for its other half."""
        self._deliver(exchanges)
        if feed.waiting:
            self._waits.set()

    def _deliver(self, exchanges: list[Exchange]) -> None:
        if not exchanges:
            return
        if self._keep is not None:
            self._keep(exchanges)
        some_want_none = any(not viewer.wish.bodies for viewer in self._viewers)
        for exchange in exchanges:
            bare = without_bodies(exchange) if some_want_none else None
            for viewer in self._viewers:
                viewer.offer(exchange, bare)

    def _notice(self) -> None:
        for viewer in self._viewers:
            viewer.notice()

    async def _tick(self) -> None:
        while True:
            if not self.waiting:
                self._waits.clear()
                await self._waits.wait()
            await asyncio.sleep(TICK)
            for feed in self._feeds.values():
                self._deliver(feed.tick(self._clock()))

    async def _audit(self) -> None:
        """Ask the Envoys what they counted, while somebody wants to know."""
        async with aiohttp.ClientSession() as session:
            while True:
                await asyncio.sleep(AUDIT_EVERY)
                self._keep_up()
                if self._viewers or self._keep is not None:
                    self._taps.narrow(self._wanted())
                    async with asyncio.TaskGroup() as group:
                        for target in self._targets.values():
                            group.create_task(self._look(session, target))

    def _keep_up(self) -> None:
        """Leave out more when too much comes at once, and less when it does no more."""
        behind = max((feed.take_behind() for feed in self._feeds.values()), default=0.0)
        if not self._overload.look(behind):
            return
        log.warning("captures are %.1f s behind: %s", behind, self._overload.level.name.lower())
        self._sync()
        if not self._sockets:  # those need every byte, and in a gap their connections go on
            self._taps.bodies = self._overload.level < Level.BODIES
            self._taps.begin_anew(self._wanted())
        self._notice()

    async def _look(self, session: aiohttp.ClientSession, target: TapTarget) -> None:
        if (feed := self._feeds.get(target.node)) is not None:
            came = feed.came
            await asyncio.sleep(COUNTED_WITHIN)
            if (counted := await counters(session, target.admin)) is not None:
                feed.audit(counted, came)
