"""Intervals hold what they should, as often as they say."""

from __future__ import annotations

import random

import pytest

from mini_mesh.load.comparing.interval import SURE, ratio, share_difference
from mini_mesh.load.histogram import Histogram


def drawn(count: int, seed: int, factor: float = 1.0) -> Histogram:
    draw = random.Random(seed)
    return Histogram.of(int(factor * draw.lognormvariate(14, 0.5)) for _ in range(count))


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_the_true_ratio_lies_within_as_often_as_said(share: float) -> None:
    """Of 80 intervals that are 99 % sure, at most 5 miss: more is a chance of 1 in 10,000."""
    missed = 0
    for seed in range(80):
        found = ratio(drawn(300, seed), drawn(300, seed + 1000, 1.2), share, seed)
        missed += not found.low <= 1.2 <= found.high
    assert SURE == 0.99
    assert missed <= 5


def test_it_is_what_resampling_gives() -> None:
    """Against the bootstrap as it is usually done."""
    old, new = (
        [int(random.Random(seed * 1000 + n).lognormvariate(14, 0.5)) for n in range(300)]
        for seed in (1, 2)
    )
    draw = random.Random(3)

    def p90(times: list[int]) -> int:
        return sorted(draw.choices(times, k=len(times)))[269]

    plain = sorted(p90(new) / p90(old) for _ in range(2000))
    found = ratio(Histogram.of(old), Histogram.of(new), 0.9)
    assert found.low == pytest.approx(plain[10], rel=0.05)
    assert found.high == pytest.approx(plain[1989], rel=0.05)


def test_more_requests_are_surer() -> None:
    few, many = (ratio(drawn(n, 1), drawn(n, 2), 0.99) for n in (100, 10_000))
    assert many.high - many.low < (few.high - few.low) / 3


def test_shares_of_failures() -> None:
    assert share_difference(0, 1000, 0, 1000) == 1.0
    assert share_difference(5, 1000, 6, 1000) > 0.5
    assert share_difference(0, 1000, 30, 1000) < 1e-6
    assert share_difference(0, 0, 1, 1) == 1.0
