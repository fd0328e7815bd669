"""Envoy's own count of what it handed out, against what came here. Sans-IO.

Envoy tells of no loss by itself: while nobody takes its access log, it counts every entry as
written and flushed, and none as dropped (1.40). So what is missing is found by comparing.
"""

from __future__ import annotations


class Audit:
    """One of an Envoy's counters. ``missing``: what it counted and never came, so far."""

    def __init__(self) -> None:
        self._before: int | None = None  # Envoy's count at the last look
        self._offset = 0  # of its count: what it handed out before we came
        self._missed_before = 0  # in its earlier lives
        self._behind = 0

    @property
    def missing(self) -> int:
        return self._missed_before + self._behind

    def look(self, counted: int, received: int, asked_at: int | None = None) -> None:
        """Envoy's count and ours, both since their beginning.

        What is on its way does not count as missing: it is looked for at the next look. More may
        come while Envoy's answer is on its way, too: ``asked_at`` is our count before it was asked,
        and what came since may be in its count or not.
        """
        asked_at = received if asked_at is None else asked_at
        if self._before is None or counted < self._before:  # the first look, or it started anew
            self._missed_before, self._behind = self.missing, 0
            self._offset = counted - asked_at
        else:
            self._offset = min(self._offset, counted - asked_at)
            self._behind = max(0, self._before - self._offset - received)
        self._before = counted
