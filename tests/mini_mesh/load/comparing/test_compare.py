"""What is certain and matters fails; what is one of the two does not."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mini_mesh.load.comparing.compare import compare
from mini_mesh.load.histogram import Histogram
from mini_mesh.load.result import EdgeResult, Result


def result(
    count: int, seed: int, factor: float = 1.0, tail: float = 1.0, bad: int = 0, times: int = 1
) -> Result:
    """Times around 1 ms, each so many times; every 50th is in the tail."""
    draw, seen = random.Random(seed), Histogram()
    for number in range(count):
        slow = 3 * tail if number % 50 == 0 else 1.0
        seen.add(int(factor * slow * draw.lognormvariate(13.8, 0.3)), times)
    edge = EdgeResult("a", seen, seen, Counter({200: count * times - bad, 503: bad}))
    return Result([edge], count * times / 10, 10.0)


def verdicts(old: Result, new: Result) -> dict[str, str]:
    return {each.what: each.verdict for each in compare(old, new).differences}


def test_the_same_is_the_same() -> None:
    told = compare(result(5000, 1), result(5000, 2))
    assert not told.regressions
    assert {each.verdict for each in told.differences} <= {"same", "unsure"}


def test_a_third_slower_fails() -> None:
    told = verdicts(result(20_000, 1), result(20_000, 2, factor=1.33))
    assert (told["p50"], told["p90"], told["p99"]) == ("slower",) * 3


def test_one_percent_at_a_million_is_certain_and_fails_nothing() -> None:
    old, new = result(10_000, 1, times=100), result(10_000, 1, factor=1.01, times=100)
    told = compare(old, new)
    assert told.ranks["a"].p < 1e-9
    assert not told.regressions


def test_a_tail_alone_fails_where_the_median_is_as_before() -> None:
    told = verdicts(result(20_000, 1), result(20_000, 2, tail=2.0))
    assert told["p50"] == "same"
    assert told["p99"] == "slower"


def test_a_few_requests_are_unsure() -> None:
    told = verdicts(result(40, 1), result(40, 3, factor=1.15))
    assert told["p99"] == "unsure"
    assert compare(result(10, 1), result(10, 1)).notes[0].endswith("which say nothing")


def test_faster_is_no_regression() -> None:
    told = compare(result(5000, 1), result(5000, 2, factor=0.5))
    assert not told.regressions
    assert "faster" in {each.verdict for each in told.differences}


def test_more_failures_fail() -> None:
    assert verdicts(result(5000, 1), result(5000, 1, bad=50))["failed"] == "worse"
    assert verdicts(result(5000, 1), result(5000, 1, bad=2))["failed"] == "same"


def test_a_rate_that_is_not_kept_fails() -> None:
    new = result(4000, 1)
    new.rate = 500.0
    assert verdicts(result(5000, 1), new)["rate kept"] == "worse"


@pytest.mark.parametrize("seed", range(20))
def test_no_difference_does_not_fail(seed: int) -> None:
    """Twenty builds of the same: the threshold keeps chance from failing any."""
    assert not compare(result(2000, seed), result(2000, seed + 100)).regressions


def test_edges_are_compared_by_name() -> None:
    old, new = result(100, 1), result(100, 1)
    old.edges += result(100, 2).edges
    new.edges += result(100, 2).edges
    old.edges[1].name, new.edges[1].name = "b", "c"
    told = compare(old, new)
    assert {each.edge for each in told.differences} == {"a", "all"}
    assert [note for note in told.notes if "only" in note] == [
        "b: in one of the two only",
        "c: in one of the two only",
    ]
