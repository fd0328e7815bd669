"""What came of a load: times by edge, answers by status, and how late the generator itself was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mini_mesh.load.histogram import Histogram

LATE_NS = 2_000_000  # 99 % of requests go out within this of their time, else the generator says so
RATE_KEPT = 0.95  # the share of the rate that has to be sent, or the load is another than asked for
MAX_KINDS = 1000  # different statuses and errors of an edge


@dataclass(slots=True)
class EdgeResult:
    """Of one edge. ``latency`` counts from when a request was to be sent, so it has the time that
    it waited for a connection (corrected for coordinated omission); ``service`` from when it was.

    ``latency`` has answers only; ``errors`` are requests without one, by what happened.
    """

    name: str
    latency: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        return self.latency.total

    @property
    def failed(self) -> int:
        """Requests without an answer, and those answered by 5xx."""
        bad = sum(count for status, count in self.statuses.items() if status >= 500)
        return bad + self.errors.total()

    @property
    def requests(self) -> int:
        return self.answered + self.errors.total()

    def plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "latency": self.latency.plain(),
            "service": self.service.plain(),
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "errors": dict(self.errors),
        }

    @classmethod
    def read(cls, told: Any) -> EdgeResult:
        """Raises ``ValueError``."""
        if not isinstance(told, Mapping) or not isinstance(told.get("name"), str):
            raise ValueError("an edge of a result has a name")
        statuses = {_status(name): count for name, count in _counts(told, "statuses").items()}
        return cls(
            told["name"],
            Histogram.read(told.get("latency")),
            Histogram.read(told.get("service")),
            Counter(statuses),
            Counter(_counts(told, "errors")),
        )


def _status(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) != 3:
        raise ValueError(f"a status has three digits, got {text[:40]!r}")
    return int(text)


def _counts(told: Mapping[str, Any], name: str) -> dict[str, int]:
    found = told.get(name, {})
    if not isinstance(found, Mapping) or len(found) > MAX_KINDS:
        raise ValueError(f"{name}: wanted at most {MAX_KINDS} counts by name")
    for key, value in found.items():
        if not isinstance(key, str) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{name}: wanted counts by name, got {str(value)[:40]}")
    return dict(found)


@dataclass(slots=True)
class Result:
    """``lag`` is how late requests were sent though a connection was free, which is the
    generator's own doing; ``seconds`` is the time measured, from ``started`` (since 1970) on.

    ``behind`` are requests that had to wait for a connection.
    """

    edges: list[EdgeResult]
    rate: float
    seconds: float
    started: float = 0.0
    lag: Histogram = field(default_factory=Histogram)
    behind: int = 0
    generator: str = "meshloom"

    @property
    def whole(self) -> EdgeResult:
        """All edges as one."""
        return EdgeResult(
            "all",
            Histogram.merged(each.latency for each in self.edges),
            Histogram.merged(each.service for each in self.edges),
            sum((each.statuses for each in self.edges), Counter()),
            sum((each.errors for each in self.edges), Counter()),
        )

    @property
    def actual_rate(self) -> float:
        """Answers a second."""
        return sum(each.answered for each in self.edges) / self.seconds if self.seconds else 0.0

    def limits(self) -> list[str]:
        """Why the numbers are not those of the load that was asked for; nothing when they are."""
        found = []
        if self.lag.total and (late := self.lag.quantile(0.99)) > LATE_NS:
            found.append(
                f"the generator was late: 1 % of its requests by more than {late / 1e6:.1f} ms, "
                "which is in the latencies"
            )
        sent = sum(each.requests for each in self.edges)
        wanted = self.rate * self.seconds
        if sent < RATE_KEPT * wanted:
            found.append(f"{sent:,} requests were sent of {wanted:,.0f}: the rate is too high")
        return found

    @classmethod
    def merged(cls, parts: Iterable[Result]) -> Result:
        """Of processes that sent at the same time."""
        first, *others = parts
        for each in others:
            for mine, theirs in zip(first.edges, each.edges, strict=True):
                mine.latency = Histogram.merged((mine.latency, theirs.latency))
                mine.service = Histogram.merged((mine.service, theirs.service))
                mine.statuses += theirs.statuses
                mine.errors += theirs.errors
            first.lag = Histogram.merged((first.lag, each.lag))
            first.behind += each.behind
            first.seconds = max(first.seconds, each.seconds)
        return first

    def plain(self) -> dict[str, Any]:
        return {
            "generator": self.generator,
            "rate": self.rate,
            "seconds": self.seconds,
            "started": self.started,
            "behind": self.behind,
            "lag": self.lag.plain(),
            "edges": [each.plain() for each in self.edges],
        }

    @classmethod
    def read(cls, told: Any) -> Result:
        """What :meth:`plain` made. Raises ``ValueError``."""
        if not isinstance(told, Mapping) or not isinstance(told.get("edges"), list):
            raise ValueError("a result has a list of edges")
        rate, seconds, started = (_number(told, name) for name in ("rate", "seconds", "started"))
        behind = int(_number(told, "behind"))
        edges = [EdgeResult.read(each) for each in told["edges"][:MAX_KINDS]]
        lag = Histogram.read(told.get("lag"))
        name = str(told.get("generator", ""))[:100]
        return cls(edges, rate, seconds, started, lag, behind, name)


def _number(told: Mapping[str, Any], name: str) -> float:
    value = told.get(name)
    if not isinstance(value, int | float) or not 0 <= value < 1e15:
        raise ValueError(f"{name}: wanted a number, got {str(value)[:40]}")
    return float(value)
