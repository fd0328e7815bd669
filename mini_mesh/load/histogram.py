"""How often each time was seen: buckets of equal relative width, as in an HDR histogram.

A time in nanoseconds is its upper ``BITS`` bits; what lies below is dropped. So a bucket is at most
``ERROR`` of its value wide, over all powers of two, and what is empty takes no room. Counts of two
histograms can be added, and compared bucket by bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

BITS = 9
ERROR = 2.0 ** -(BITS - 1)  # 0.4 %: width of a bucket by its value
MAX_BUCKETS = 200_000  # of a histogram in a file; 40 powers of two have some 10,000
MAX_NS = 2**63 - 1  # nanoseconds: 292 years


def floor(ns: int) -> int:
    """The lower end of a time's bucket."""
    shift = ns.bit_length() - BITS
    return ns >> shift << shift if shift > 0 else ns


def middle(lower: int) -> float:
    """The time that stands for a bucket."""
    shift = lower.bit_length() - BITS
    return lower + (1 << shift) / 2 if shift > 0 else float(lower)


@dataclass(slots=True)
class Histogram:
    """Of times in nanoseconds. ``counts`` are by the buckets' lower ends; least, greatest and sum
    are exact."""

    counts: dict[int, int] = field(default_factory=dict)
    total: int = 0
    least: int = 0
    greatest: int = 0
    sum: int = 0

    def add(self, ns: int, times: int = 1) -> None:
        """Negative times count as none."""
        ns = max(ns, 0)
        lower = floor(ns)
        self.counts[lower] = self.counts.get(lower, 0) + times
        self.least = ns if not self.total or ns < self.least else self.least
        self.greatest = max(self.greatest, ns)
        self.total += times
        self.sum += ns * times

    @classmethod
    def of(cls, times: Iterable[int]) -> Histogram:
        made = cls()
        for each in times:
            made.add(each)
        return made

    @classmethod
    def merged(cls, parts: Iterable[Histogram]) -> Histogram:
        made = cls()
        for part in parts:
            if not part.total:
                continue
            made.least = min(made.least, part.least) if made.total else part.least
            made.greatest = max(made.greatest, part.greatest)
            made.total += part.total
            made.sum += part.sum
            for lower, count in part.counts.items():
                made.counts[lower] = made.counts.get(lower, 0) + count
        return made

    def ordered(self) -> Iterator[tuple[int, int]]:
        """Lower ends with their counts, from low to high."""
        yield from sorted(self.counts.items())

    def quantile(self, share: float) -> float:
        """The time within which this share of all lies, in nanoseconds (nearest rank)."""
        wanted, seen = max(1, -int(-share * self.total // 1)), 0
        for lower, count in self.ordered():
            seen += count
            if seen >= wanted:
                return min(max(middle(lower), self.least), self.greatest)
        return float(self.greatest)

    @property
    def mean(self) -> float:
        return self.sum / self.total if self.total else 0.0

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        ends = {"least": self.least, "greatest": self.greatest, "sum": self.sum}
        return {"unit": "ns", **ends, "counts": [[*each] for each in self.ordered()]}

    @classmethod
    def read(cls, told: Any) -> Histogram:
        """What :meth:`plain` made. Raises ``ValueError`` for anything else."""
        if not isinstance(told, Mapping) or told.get("unit") != "ns":
            raise ValueError("not a histogram in ns")
        rows = told.get("counts")
        if not isinstance(rows, list) or len(rows) > MAX_BUCKETS:
            raise ValueError(f"a histogram has a list of at most {MAX_BUCKETS} counts")
        made = cls()
        for row in rows:
            lower, count = _pair(row)
            made.add(lower, count)
        ends = [_whole(told.get(name, 0)) for name in ("least", "greatest", "sum")]
        made.least, made.greatest, made.sum = ends
        return made


def _pair(row: Any) -> tuple[int, int]:
    if not isinstance(row, list) or len(row) != 2:
        raise ValueError(f"a count of a histogram is [ns, count], got {str(row)[:40]}")
    return _whole(row[0]), _whole(row[1])


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NS:
        raise ValueError(f"a histogram has whole numbers, got {str(value)[:40]}")
    return value
