"""Whether a new result is a regression of an old one.

With a million requests the least difference is certain, and with a hundred none is. So two things
are asked: is it there (the test, by ``ALPHA``), and does it matter (the ratio's whole interval
beyond ``threshold``). What is certain and small is told, and fails nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mini_mesh.load.comparing.interval import Interval, ratio, share_difference
from mini_mesh.load.comparing.ranks import Ranks, mann_whitney
from mini_mesh.load.result import EdgeResult, Result

ALPHA = 0.01
THRESHOLD = 0.10  # a quantile may be a tenth larger
FAILURES = 0.001  # and one request of a thousand more may fail
RATE = 0.05  # and a twentieth less be answered in a second
QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
FEW = 30  # requests of an edge below which nothing is said


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing of one edge. Of times, ``old`` and ``new`` are nanoseconds, and new by old lies
    between ``low`` and ``high``; of failures and rates all numbers are shares.

    ``verdict`` is ``slower``, ``faster``, ``same``, ``worse``, ``better`` or ``unsure``.
    """

    edge: str
    what: str
    old: float
    new: float
    low: float
    high: float
    verdict: str

    @property
    def is_regression(self) -> bool:
        return self.verdict in ("slower", "worse")


@dataclass(frozen=True, slots=True)
class Comparison:
    """``ranks`` are those of each edge's test, over all of its times."""

    differences: tuple[Difference, ...]
    ranks: Mapping[str, Ranks]
    notes: tuple[str, ...] = ()

    @property
    def regressions(self) -> list[Difference]:
        return [each for each in self.differences if each.is_regression]

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        ranks = {
            name: {"u": each.u, "p": each.p, "greater": each.greater}
            for name, each in self.ranks.items()
        }
        return {
            "regressions": len(self.regressions),
            "differences": [asdict(each) for each in self.differences],
            "mann_whitney": ranks,
            "notes": list(self.notes),
        }


def compare(old: Result, new: Result, threshold: float = THRESHOLD) -> Comparison:
    """Edge by edge, by their names; results with one edge each are compared whatever its name."""
    pairs, notes = _pairs(old, new)
    found: list[Difference] = []
    ranks: dict[str, Ranks] = {}
    for before, after in pairs:
        if min(before.requests, after.requests) < FEW:
            notes.append(f"{after.name}: fewer than {FEW} requests, which say nothing")
            continue
        ranks[after.name] = mann_whitney(before.latency.counts, after.latency.counts)
        found += _latencies(before, after, ranks[after.name], threshold)
        found.append(_failures(before, after))
    found.append(_rate(old, new))
    notes += [f"new: {each}" for each in new.limits()] + [f"old: {each}" for each in old.limits()]
    if old.rate and abs(new.rate / old.rate - 1) > RATE:
        notes.append(f"the rates differ: {old.rate:g}/s, {new.rate:g}/s")
    return Comparison(tuple(found), ranks, tuple(notes))


def _pairs(old: Result, new: Result) -> tuple[list[tuple[EdgeResult, EdgeResult]], list[str]]:
    if len(old.edges) == len(new.edges) == 1:
        return [(old.edges[0], new.edges[0])], []
    before = {each.name: each for each in old.edges}
    after = {each.name: each for each in new.edges}
    notes = [f"{name}: in one of the two only" for name in before.keys() ^ after.keys()]
    return [(before[name], after[name]) for name in after if name in before], sorted(notes)


def _latencies(
    old: EdgeResult, new: EdgeResult, ranks: Ranks, threshold: float
) -> Iterator[Difference]:
    if not old.answered or not new.answered:
        return
    for name, share in QUANTILES.items():
        interval = ratio(old.latency, new.latency, share)
        before, after = (each.latency.quantile(share) for each in (old, new))
        verdict = _verdict(interval, ranks.p < ALPHA or share > 0.5, threshold)
        yield Difference(new.name, name, before, after, interval.low, interval.high, verdict)


def _verdict(interval: Interval, is_there: bool, threshold: float) -> str:
    """Of a tail, the interval alone decides: the ranks of all hardly move with it."""
    if is_there and interval.low > 1 + threshold:
        return "slower"
    if is_there and interval.high < 1 / (1 + threshold):
        return "faster"
    small = interval.low >= 1 / (1 + threshold) and interval.high <= 1 + threshold
    return "same" if small else "unsure"


def _failures(old: EdgeResult, new: EdgeResult) -> Difference:
    before, after = (each.failed / each.requests for each in (old, new))
    chance = share_difference(old.failed, old.requests, new.failed, new.requests)
    verdict = "same"
    if chance < ALPHA and abs(after - before) > FAILURES:
        verdict = "worse" if after > before else "better"
    return Difference(new.name, "failed", before, after, after, after, verdict)


def _rate(old: Result, new: Result) -> Difference:
    """Answers a second, of what was asked for: a rate that is not reached any more is one thing
    that the latencies of an overloaded mesh tell as well."""
    before, after = (each.actual_rate / each.rate if each.rate else 1.0 for each in (old, new))
    worse = before - after > RATE
    verdict = "worse" if worse else "better" if after - before > RATE else "same"
    return Difference("all", "rate kept", before, after, after, after, verdict)
