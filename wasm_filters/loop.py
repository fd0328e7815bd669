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
MAX_RUN = 20.0  # seconds of real time of one run: what is done in its steps may be slow
_MIN_SWEEP = 64  # timers; with fewer it is not worth to look for cancelled ones
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

    __slots__ = ("_loop", "action", "at", "cancelled")

    def __init__(self, loop: Loop, at: int, action: Callable[[], object]) -> None:
        self._loop = loop
        self.at = at
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        if not self.cancelled:
            self.cancelled = True
            self._loop.cancelled += 1


class Loop:
    """What is due, in the order of time, and of asking where times are equal.

    ``moved`` is how far the clock was moved in all, in nanoseconds; ``cancelled`` how many timers
    were cancelled and are still here. ``complain`` is told when a run is given up.
    """

    def __init__(
        self,
        clock: Clock,
        complain: Callable[[str], object] = lambda message: None,
        max_steps: int = MAX_STEPS,
        max_run: float = MAX_RUN,
    ) -> None:
        self.clock = clock
        self.moved = 0
        self.cancelled = 0
        self._complain = complain
        self._max_steps = max_steps
        self._max_run = max_run
        self._order = count()
        self._due: list[tuple[int, int, Timer]] = []

    def after(self, seconds: float, action: Callable[[], object]) -> Timer:
        """Do ``action`` when ``seconds`` have passed, at the earliest when the loop runs next."""
        timer = Timer(self, self.clock() + round(seconds * SECOND), action)
        if self.cancelled * 2 > len(self._due) > _MIN_SWEEP:
            self._sweep()
        heapq.heappush(self._due, (timer.at, next(self._order), timer))
        return timer

    def __len__(self) -> int:
        """How many timers there are, those that were cancelled included."""
        return len(self._due)

    def _sweep(self) -> None:
        self._due = [due for due in self._due if not due[2].cancelled]
        heapq.heapify(self._due)
        self.cancelled = 0

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Do all that is due within ``seconds``, until there is no more or ``until`` holds.

        The clock then shows the time of the last thing done; it moves to the end of ``seconds``
        only by ``advance``. A run with too many steps, or whose steps take too long, is given up.
        """
        end = self.clock() + round(seconds * SECOND)
        started = time.monotonic()
        steps = 0
        while self._due and not until():
            at, _, timer = self._due[0]
            if at > end:
                return
            if steps == self._max_steps or time.monotonic() - started > self._max_run:
                self._complain(f"waiting was given up after {steps} steps, and more is due")
                return
            steps += 1
            heapq.heappop(self._due)
            self._do(timer)

    def _do(self, timer: Timer) -> None:
        if timer.cancelled:
            self.cancelled -= 1
        else:
            self._wait_until(timer.at)
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
