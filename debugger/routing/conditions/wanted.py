"""One condition of a route, compiled: what it wants, whether a request has it, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from debugger.routing.arriving.arrival import Arrival
from debugger.routing.decision import Condition

Test = Callable[[Arrival], bool | None]
Why = Callable[[Arrival, bool | None], str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """``test`` gives ``None`` where chance or an unknown state decides; ``why`` says it in words,
    after the test. ``path`` is the field within the ``RouteConfiguration``.
    """

    text: str
    path: str
    test: Test
    why: Why

    def look(self, arrival: Arrival) -> Condition:
        holds = self.test(arrival)
        return Condition(self.text, holds, self.why(arrival, holds), self.path)


def unknown(text: str, path: str, why: str) -> Wanted:
    """A condition that nobody can decide here, and why not."""
    return Wanted(text, path, lambda arrival: None, lambda arrival, holds: why)
