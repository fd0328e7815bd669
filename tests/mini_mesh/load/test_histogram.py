"""Buckets hold times to a known precision, and survive a file."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from mini_mesh.load.histogram import ERROR, MAX_NS, Histogram, floor, middle

TIMES = integers(0, 2**50)  # 13 days; a file has their sum in 64 bits


@given(TIMES)
def test_a_bucket_is_at_most_its_error_away(ns: int) -> None:
    assert floor(ns) <= ns
    assert abs(middle(floor(ns)) - ns) <= ERROR * ns


@given(lists(TIMES, min_size=1), integers(0, 1000))
def test_a_quantile_is_the_sorted_listss(times: list[int], thousandth: int) -> None:
    share = thousandth / 1000
    rank = max(1, -int(-share * len(times) // 1))
    exact = sorted(times)[rank - 1]
    assert Histogram.of(times).quantile(share) == pytest.approx(exact, rel=ERROR)


@given(lists(TIMES), lists(TIMES))
def test_merged_is_all_at_once(one: list[int], other: list[int]) -> None:
    assert Histogram.merged([Histogram.of(one), Histogram.of(other)]) == Histogram.of(one + other)


@given(lists(TIMES))
def test_a_file_keeps_all_of_it(times: list[int]) -> None:
    told = Histogram.of(times)
    assert Histogram.read(told.plain()) == told


def test_a_million_times_take_few_buckets() -> None:
    draw = random.Random(1)
    told = Histogram.of(int(draw.lognormvariate(14, 1)) for _ in range(100_000))
    assert len(told.counts) < 4000
    assert told.mean == pytest.approx(2.7182**14.5, rel=0.05)


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"unit": "ms", "counts": []},
        {"unit": "ns", "counts": {}},
        {"unit": "ns", "counts": [[1]]},
        {"unit": "ns", "counts": [[1, -1]]},
        {"unit": "ns", "counts": [[MAX_NS + 1, 1]]},
        {"unit": "ns", "counts": [[1.5, 1]]},
        {"unit": "ns", "counts": [], "sum": "x"},
    ],
)
def test_anything_else_is_refused(told: object) -> None:
    with pytest.raises(ValueError, match="histogram"):
        Histogram.read(told)
