"""The seam between a capture's door and the rest: what a source is, and a fake one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Attached:
    """From now on every request is captured."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing is captured until the next Attached; ``why`` is for people."""

    why: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some of the bytes that the Envoy wrote, cut anywhere."""

    data: bytes


SourceEvent = Attached | Lost | Chunk


class Source(Protocol):
    """Yields events for as long as somebody iterates; comes back by itself when it was lost."""

    def events(self) -> AsyncGenerator[SourceEvent, None]: ...

    def nudge(self) -> None:
        """Something changed: if it is waiting to come back, it need not wait any longer."""


class FakeSource:
    """A source of given events, for tests: after the last one it waits, as an idle Envoy does."""

    def __init__(self, *events: SourceEvent) -> None:
        self.nudged = 0
        self._events = events

    async def events(self) -> AsyncGenerator[SourceEvent, None]:
        for event in self._events:
            yield event
        await asyncio.Event().wait()

    def nudge(self) -> None:
        self.nudged += 1
