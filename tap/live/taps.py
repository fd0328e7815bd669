"""The taps of the Envoys (a door): one each while anybody needs it, and what they ask for.

Every change of what is asked for is a gap, in which only the access logs tell. So more is asked for
at once, and less only when less has been wanted for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from mesh_traffic import Exchange
from tap.live.background import Spawn
from tap.live.feed import Feed
from tap.live.viewer import NOT_YET
from tap.sources.admin_tap import OpenSource, TapTarget
from tap.sources.source import Attached, Chunk, Source, SourceEvent
from tap.traces.request import ANY, Rule, TapRequest

NARROW_AFTER = 5  # looks at which less is wanted than is tapped, before less is tapped

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Tap:
    """The tap of one Envoy; ``why`` it is not attached."""

    target: TapTarget
    source: Source
    feed: Feed
    task: asyncio.Task[None] | None = None
    attached: bool = False
    why: str = NOT_YET


@dataclass(frozen=True, slots=True)
class Hears:
    """Who hears of what the taps tell: ``give`` gets exchanges of a feed, and ``notice`` says that
    an Envoy is tapped now, or is no more."""

    give: Callable[[Feed, list[Exchange]], None]
    notice: Callable[[], None]


class Taps:
    """``asked`` is what somebody who wants all asks of an Envoy. It is asked now of the requests
    that ``match`` lets through, without their bodies if ``bodies`` is false. Nothing runs while
    there is nobody to ``spawn`` it.
    """

    def __init__(
        self,
        asked: TapRequest,
        open_source: OpenSource,
        clock: Callable[[], float],
        hears: Hears,
    ) -> None:
        self.match: Rule = ANY
        self.bodies = True
        self.spawn: Spawn | None = None
        self._asked = asked
        self._open = open_source
        self._clock = clock
        self._hears = hears
        self._running: dict[str, _Tap] = {}
        self._too_wide = 0  # looks at which less than what is tapped was wanted

    def standing(self, nodes: Iterable[str]) -> tuple[int, tuple[str, ...]]:
        """How many of these are tapped now, and why others are not."""
        taps = [(node, self._running[node]) for node in nodes if node in self._running]
        notes = tuple(f"{node}: {tap.why}" for node, tap in taps if not tap.attached)
        return sum(tap.attached for _, tap in taps), notes

    def sync(
        self, targets: Mapping[str, TapTarget], feeds: Mapping[str, Feed], wanted: Rule
    ) -> None:
        """Start and end taps, so that exactly those of ``targets`` run."""
        for node, tap in list(self._running.items()):
            if targets.get(node) != tap.target or self.spawn is None:
                self.end(node)
        for node, target in targets.items():
            if node not in self._running:
                self._begin(target, feeds[node], wanted)

    def end(self, node: str) -> None:
        """End that of the Envoy, if there is one."""
        tap = self._running.pop(node, None)
        if tap is not None:
            self._hears.give(tap.feed, tap.feed.cut(self._clock()))
            if tap.task is not None:
                tap.task.cancel()

    def widen(self, wanted: Rule) -> None:
        """Somebody may want more than is tapped."""
        if self._running and self.match not in (ANY, wanted):
            self.begin_anew(wanted)

    def narrow(self, wanted: Rule) -> None:
        """Tap less when less has been wanted for a while. To be called once a second."""
        self._too_wide += 1 if self._running and wanted != self.match else 0
        if self._too_wide > NARROW_AFTER:
            self.begin_anew(wanted)

    def begin_anew(self, wanted: Rule) -> None:
        """Ask all Envoys for something else."""
        for node, tap in list(self._running.items()):
            tap.feed.interrupt()
            if tap.task is not None:
                tap.task.cancel()
            del self._running[node]
            self._begin(tap.target, tap.feed, wanted)

    def nudge(self) -> None:
        """The mesh changed: an Envoy that was not there may be there now."""
        for tap in self._running.values():
            tap.source.nudge()

    def _begin(self, target: TapTarget, feed: Feed, wanted: Rule) -> None:
        if self.spawn is None:
            return
        self.match, self._too_wide = wanted, 0
        request = replace(self._asked, match=wanted)
        if not self.bodies:
            request = replace(request, request_body=0, response_body=0)
        tap = _Tap(target, self._open(target, request), feed)
        feed.ask(wanted, self._clock())
        tap.task = self.spawn(self._follow(tap), f"tap of {target.node}")
        self._running[target.node] = tap

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
            self._hears.give(tap.feed, tap.feed.receive(event.data, self._clock()))
        elif isinstance(event, Attached):
            tap.attached, tap.why, tap.feed.tapped = True, "", True
            self._hears.notice()
        else:
            self._lose(tap, event.why)

    def _lose(self, tap: _Tap, why: str) -> None:
        self._hears.give(tap.feed, tap.feed.cut(self._clock()))
        if tap.attached or tap.why != why:
            tap.attached, tap.why = False, why
            self._hears.notice()
