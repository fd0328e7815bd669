"""What a mesh has seen lately: readings by the time, of which the oldest within a window counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from debugger.stats.change import Reading

Readings = Mapping[str, Reading]

WINDOW = 30.0  # seconds
EVERY = 5.0  # seconds between two readings that are kept


class Window:
    """The readings of all nodes, kept for as long as a window wants them."""

    def __init__(self, seconds: float = WINDOW) -> None:
        self._seconds = seconds
        self._kept: deque[tuple[float, Readings]] = deque()

    def keep(self, at: float, readings: Readings) -> None:
        """``at`` seconds of any clock; what is older than the window goes, but for one."""
        self._kept.append((at, readings))
        while len(self._kept) > 1 and self._kept[1][0] <= at - self._seconds:
            self._kept.popleft()

    def before(self, at: float) -> tuple[float, Readings]:
        """How long ago the window began, and what was counted then."""
        if not self._kept:
            return 0.0, {}
        began, readings = self._kept[0]
        return at - began, readings
