"""What the hub leaves out when it falls behind the Envoys, and when it takes it back. Sans-IO.

Rule 1: it is behind by as much as passes between the end of a request and its arrival here.
Rule 2: when it was too far behind at ``PATIENCE`` looks in a row, it leaves out more: bodies first,
        then headers, then all but one request in ``SAMPLE``, with every hop of that one.
Rule 3: when it kept up for ``CALM`` looks, it takes one of these back.
"""

from __future__ import annotations

from enum import IntEnum
from zlib import crc32

TOO_FAR = 2.0  # seconds; halves of exchanges wait longer for one another (tap.join)
NEAR = 0.5
PATIENCE = 2  # looks, which come once a second
CALM = 10
SAMPLE = 10


class Level(IntEnum):
    """What is left out, each with all before it."""

    NOTHING = 0
    BODIES = 1
    HEADERS = 2
    REQUESTS = 3

    @property
    def in_words(self) -> str:
        """What viewers are told."""
        return _WORDS[self]


_WORDS = {
    Level.NOTHING: "",
    Level.BODIES: "too much at once: no bodies",
    Level.HEADERS: "too much at once: no headers, no bodies",
    Level.REQUESTS: f"too much at once: one request in {SAMPLE}, no headers, no bodies",
}


class Overload:
    """``look`` at how far the hub is behind, once a second; ``level`` is what it leaves out."""

    def __init__(self) -> None:
        self.level = Level.NOTHING
        self._far = self._near = 0  # looks in a row

    def look(self, behind: float) -> bool:
        """``behind``: the most that it was since the last look, in seconds; whether the level
        changed."""
        self._far = self._far + 1 if behind > TOO_FAR else 0
        self._near = self._near + 1 if behind < NEAR else 0
        before = self.level
        if self._far >= PATIENCE:
            self.level, self._far = Level(min(self.level + 1, Level.REQUESTS)), 0
        elif self._near >= CALM:
            self.level, self._near = Level(max(self.level - 1, Level.NOTHING)), 0
        return self.level is not before


def is_sampled(request_id: str) -> bool:
    """Whether a request is one of those that stay: the same answer at each hop."""
    return crc32(request_id.encode("utf-8", "surrogatepass")) % SAMPLE == 0
