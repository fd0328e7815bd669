"""A recording in memory: how it began, and step by step what was done and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from wasm_filters.recording.data import Closed
from wasm_filters.recording.lines import (
    Action,
    Answered,
    End,
    EventData,
    Header,
    OutcomeData,
)


@dataclass(slots=True)
class Step:
    """Something was done; others answered, the filters were called, and this came of it."""

    action: Action
    answered: list[Answered] = field(default_factory=list)
    events: list[EventData] = field(default_factory=list)
    outcome: OutcomeData = field(default_factory=OutcomeData)


@dataclass(slots=True)
class Recording:
    """``lost`` counts calls that were too many to be kept: what came after them is not compared."""

    header: Header
    steps: list[Step] = field(default_factory=list)
    lost: int = 0

    def lines(self) -> Iterator[Closed]:
        """All of it in the order of the file."""
        yield self.header
        for step in self.steps:
            yield step.action
            yield from step.answered
            yield from step.events
            yield step.outcome
        yield End(lost=self.lost)

    @property
    def hostcalls(self) -> int:
        return sum(not event.is_callback for step in self.steps for event in step.events)

    @property
    def requests(self) -> int:
        return sum(step.action.kind == "request" for step in self.steps)
