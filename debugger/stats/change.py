"""What changed between two readings of an Envoy's stats: plain data in and out.

Histograms are compared bucket by bucket, so the quantiles are those of the interval, whatever came
before. Envoy's buckets hold two decimal digits: a quantile is at most some 5% off.
https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--stats
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

QUANTILES = (0.5, 0.9, 0.99, 1.0)
MAX_BUCKETS = 10_000  # of one histogram; Envoy's have some hundred

Kind = Literal["counter", "gauge", "histogram"]
Buckets = Mapping[float, tuple[float, int]]  # lower bound → width, count


@dataclass(frozen=True, slots=True)
class Reading:
    """Stats by name, at ``at`` seconds of any clock."""

    at: float
    counters: Mapping[str, int] = field(default_factory=dict)
    gauges: Mapping[str, int] = field(default_factory=dict)
    histograms: Mapping[str, Buckets] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One stat. Of counters and histograms ``amount`` is what was added in the interval and
    ``rate`` that by the second; of gauges ``amount`` is the change.

    ``restarted``: a counter that is less than it was counts from its Envoy's start, or from when
    somebody set it to zero. ``quantiles`` are in the stat's own unit.
    """

    name: str
    kind: Kind
    amount: int
    now: int
    rate: float = 0.0
    restarted: bool = False
    quantiles: Mapping[float, float] = field(default_factory=dict)


def read(
    at: float, counters: Mapping[str, Any], gauges: Mapping[str, Any], buckets: Mapping[str, Any]
) -> Reading:
    """From three answers of ``/stats``, as JSON."""
    held = {
        each["name"]: _buckets(each["totals"])
        for part in buckets.get("stats", ())
        for each in part.get("histograms", {}).get("details", ())
    }
    return Reading(at, _numbers(counters), _numbers(gauges), held)


def _numbers(told: Mapping[str, Any]) -> dict[str, int]:
    stats = (each for each in told.get("stats", ()) if "value" in each)
    return {each["name"]: int(each["value"]) for each in stats}


def _buckets(totals: list[Mapping[str, Any]]) -> dict[float, tuple[float, int]]:
    return {
        float(each["lower_bound"]): (float(each["width"]), int(each["count"]))
        for each in totals[:MAX_BUCKETS]
    }


def changes(before: Reading, after: Reading) -> Iterator[Change]:
    """Of what is not as it was, by name."""
    seconds = max(after.at - before.at, 1e-9)
    found = [
        *_counters(before, after, seconds),
        *_gauges(before, after),
        *_histograms(before, after, seconds),
    ]
    yield from sorted(found, key=lambda change: change.name)


def _counters(before: Reading, after: Reading, seconds: float) -> Iterator[Change]:
    for name, now in after.counters.items():
        was = before.counters.get(name, 0)
        amount = now - was if now >= was else now
        if now != was:
            yield Change(name, "counter", amount, now, amount / seconds, now < was)


def _gauges(before: Reading, after: Reading) -> Iterator[Change]:
    for name, now in after.gauges.items():
        if (amount := now - before.gauges.get(name, 0)) != 0:
            yield Change(name, "gauge", amount, now)


def _histograms(before: Reading, after: Reading, seconds: float) -> Iterator[Change]:
    for name, buckets in after.histograms.items():
        was = before.histograms.get(name, {})
        added = _added(was, buckets)
        restarted = any(count < 0 for _, _, count in added)
        if restarted:
            added = _added({}, buckets)
        if amount := sum(count for _, _, count in added):
            now = sum(count for _, count in buckets.values())
            found = {share: _quantile(added, amount, share) for share in QUANTILES}
            yield Change(name, "histogram", amount, now, amount / seconds, restarted, found)


def quantile(buckets: Buckets, share: float) -> float:
    """Of buckets by their lower bounds, in their unit; 0 where they are empty."""
    ordered = _added({}, buckets)
    return _quantile(ordered, sum(count for _, _, count in ordered), share)


def _added(was: Buckets, now: Buckets) -> list[tuple[float, float, int]]:
    """Lower bound, width and what was added, from low to high."""
    return [
        (lower, width, count - was.get(lower, (width, 0))[1])
        for lower, (width, count) in sorted(now.items())
    ]


def _quantile(added: list[tuple[float, float, int]], amount: int, share: float) -> float:
    """Within a bucket the values are taken to lie evenly."""
    wanted = share * amount
    value = 0.0
    for lower, width, count in added:
        if not count:
            continue
        if wanted <= count:
            return lower + width * wanted / count
        wanted -= count
        value = lower + width
    return value
