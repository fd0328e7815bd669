"""Time as one worker has it: a clock, and what is to be done when.

Nothing here sleeps. Whoever waits asks the loop to run, and the loop moves the clock to the next
thing that is due: a timeout of an hour is over at once, and always in the same order.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from itertools import count
from typing import Protocol

FAKE_START = 1_700_000_000_000_000_000  # nanoseconds since the epoch: a fixed day in 2023
MAX_STEPS = 1_000_000  # of one run; a timer that is always due would not end
SECOND = 1_000_000_000


class Clock(Protocol):
    """Answers nanoseconds since the epoch."""

    def __call__(self) -> int: ...

    def advance(self, nanoseconds: int) -> None:
        """Let time pass."""


class FakeClock:
    """A clock that stands still until somebody moves it: the default, so that tests repeat."""

    def __init__(self, ns: int = FAKE_START) -> None:
        self.ns = ns

    def __call__(self) -> int:
        return self.ns

    def advance(self, nanoseconds: int) -> None:
        self.ns += nanoseconds


class SystemClock:
    """The machine's time, ahead of it by what was waited for: waiting takes no time here."""

    def __init__(self) -> None:
        self._ahead = 0

    def __call__(self) -> int:
        return time.time_ns() + self._ahead

    def advance(self, nanoseconds: int) -> None:
        self._ahead += nanoseconds


class Timer:
    """Something due at ``at`` (nanoseconds); ``cancelled`` when it is no longer wanted."""

    __slots__ = ("action", "at", "cancelled")

    def __init__(self, at: int, action: Callable[[], object]) -> None:
        self.at = at
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """What is due, in the order of time, and of asking where times are equal.

    ``moved`` is how far the clock was moved in all, in nanoseconds.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.moved = 0
        self._order = count()
        self._due: list[tuple[int, int, Timer]] = []

    def after(self, seconds: float, action: Callable[[], object]) -> Timer:
        """Do ``action`` when ``seconds`` have passed, at the earliest when the loop runs next."""
        timer = Timer(self.clock() + round(seconds * SECOND), action)
        heapq.heappush(self._due, (timer.at, next(self._order), timer))
        return timer

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Do all that is due within ``seconds``, until there is no more or ``until`` holds.

        The clock then shows the time of the last thing done; it moves to the end of ``seconds``
        only by ``advance``.
        """
        end = self.clock() + round(seconds * SECOND)
        for _ in range(MAX_STEPS):
            if not self._due or until():
                return
            at, _, timer = self._due[0]
            if at > end:
                return
            heapq.heappop(self._due)
            if not timer.cancelled:
                self._wait_until(at)
                timer.action()

    def catch_up(self) -> None:
        """Do all that is due now."""
        if self._due:
            self.run(0)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass, and do what becomes due."""
        end = self.clock() + round(seconds * SECOND)
        self.run(seconds)
        self._wait_until(end)

    def _wait_until(self, at: int) -> None:
        left = at - self.clock()
        if left > 0:
            self.clock.advance(left)
            self.moved += left
