"""How sure a quantile is, and the ratio of two: the bootstrap, without drawing any sample.

The k-th smallest of n draws from what was seen is that quantile of it which a Beta(k, n - k + 1)
draw says. So one random number stands for a whole resample, and a million requests cost as much as
ten. (B. Efron, "Bootstrap methods", 1979; the order statistics of n uniform draws are Beta.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mini_mesh.load.histogram import Histogram

DRAWS = 2000
SURE = 0.99  # how sure an interval is


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and where it lies with ``SURE`` certainty."""

    value: float
    low: float
    high: float


def ratio(old: Histogram, new: Histogram, share: float, seed: int = 0) -> Interval:
    """The quantile at ``share`` of the new times by that of the old ones."""
    random = Random(seed)
    before, after = _drawn(old, share, random), _drawn(new, share, random)
    found = sorted(_by(b, a) for b, a in zip(before, after, strict=True))
    rest = (1 - SURE) / 2
    low, high = found[int(rest * DRAWS)], found[min(DRAWS - 1, int((1 - rest) * DRAWS))]
    return Interval(_by(old.quantile(share), new.quantile(share)), low, high)


def _by(old: float, new: float) -> float:
    return new / old if old else (1.0 if new == old else math.inf)


def _drawn(times: Histogram, share: float, random: Random) -> list[float]:
    """The quantile of ``DRAWS`` resamples, in any order of their own."""
    rank = max(1, math.ceil(share * times.total))
    shares = [random.betavariate(rank, times.total - rank + 1) for _ in range(DRAWS)]
    return _quantiles(times, shares)


def _quantiles(times: Histogram, shares: Sequence[float]) -> list[float]:
    """Of many shares in one pass over the buckets, in the order of ``shares``."""
    order = sorted(range(len(shares)), key=shares.__getitem__)
    found = [0.0] * len(shares)
    ordered = times.ordered()
    lower, seen = next(ordered)
    for number in order:
        while seen < shares[number] * times.total:
            bucket, count = next(ordered, (lower, times.total))
            lower, seen = bucket, seen + count
        found[number] = float(lower)
    return found


def share_difference(bad1: int, all1: int, bad2: int, all2: int) -> float:
    """The two-sided chance that two shares differ as much by luck (pooled two-proportion test)."""
    if not all1 or not all2:
        return 1.0
    pooled = (bad1 + bad2) / (all1 + all2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / all1 + 1 / all2))
    if not error:
        return 1.0
    return math.erfc(abs(bad1 / all1 - bad2 / all2) / error / math.sqrt(2))
