"""How many requests were at an instance at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Peak:
    """Counts who is in, and remembers the most that ever were since it was last asked."""

    def __init__(self) -> None:
        self._now = self._most = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Around the work for a request."""
        self._now += 1
        self._most = max(self._most, self._now)
        try:
            yield
        finally:
            self._now -= 1

    def taken(self) -> int:
        """The most since the last time; it begins anew with those who are in now."""
        most, self._most = self._most, self._now
        return most
