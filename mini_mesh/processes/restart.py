"""When to start a process again that died: sooner at first, slower each time, then not at all."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class RestartPolicy:
    """A bounded exponential back-off, one per process. Seconds; no clock and no sleeping inside."""

    first: float = 0.05
    factor: float = 3.0
    longest: float = 5.0
    attempts: int = 6  # in a row; then it stays down
    healthy_after: float = 10.0  # one that lived this long starts the count again
    _failed: int = field(default=0, init=False)

    def delay(self, lived: float) -> float | None:
        """How long to wait before the next start, after a life of ``lived``; None: give up."""
        if lived >= self.healthy_after:
            self._failed = 0
        if self._failed >= self.attempts:
            return None
        self._failed += 1
        return min(self.longest, self.first * self.factor ** (self._failed - 1))
