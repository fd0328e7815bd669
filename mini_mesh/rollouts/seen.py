"""What came of a version's requests, as its Envoys count them. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

REQUESTS, FAILURES = "downstream_rq_completed", "downstream_rq_5xx"
TIMES = "downstream_rq_time"  # a histogram of milliseconds


@dataclass(frozen=True, slots=True)
class Seen:
    """``times`` are how many requests took up to so many milliseconds, each in one bucket."""

    requests: int = 0
    failures: int = 0
    times: Mapping[float, int] = field(default_factory=dict)

    def since(self, before: Seen) -> Seen:
        """What has come since. An Envoy that started anew counts from nothing, so never less."""
        came = ((at, count - before.times.get(at, 0)) for at, count in self.times.items())
        times = {at: count for at, count in came if count > 0}
        requests = max(0, self.requests - before.requests)
        return Seen(requests, max(0, self.failures - before.failures), times)

    def quantile(self, share: float) -> float | None:
        """Seconds that this share of the requests took at most; ``None`` where there were none."""
        total = sum(self.times.values())
        reached = 0
        for at in sorted(self.times):
            reached += self.times[at]
            if reached >= share * total:
                return at / 1000
        return None


def together(parts: Iterable[Seen]) -> Seen:
    """Of several Envoys."""
    requests, failures, times = 0, 0, Counter[float]()
    for each in parts:
        requests, failures = requests + each.requests, failures + each.failures
        times.update(each.times)
    return Seen(requests, failures, times)


def read(stats: Mapping[str, Any], prefix: str) -> Seen:
    """Of an answer to ``/stats?format=json&histogram_buckets=detailed``, whose names begin with
    ``prefix``."""
    numbers: dict[str, int] = {}
    times: dict[float, int] = {}
    for each in stats.get("stats", ()):
        if "name" in each:
            numbers[each["name"].removeprefix(f"{prefix}.")] = int(each["value"])
        for found in each.get("histograms", {}).get("details", ()):
            if found["name"] == f"{prefix}.{TIMES}":
                for row in found["totals"]:
                    times[row["lower_bound"] + row["width"]] = row["count"]
    return Seen(numbers.get(REQUESTS, 0), numbers.get(FAILURES, 0), times)
