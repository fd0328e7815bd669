"""A result says what it is worth, and survives a file."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from mini_mesh.load.histogram import Histogram
from mini_mesh.load.result import EdgeResult, Result


def result(answers: int = 100, lag: int = 1000) -> Result:
    times = Histogram.of([1_000_000] * answers)
    edge = EdgeResult("a", times, times, Counter({200: answers - 1, 503: 1}), Counter(timeout=2))
    return Result([edge], 100.0, 1.0, 5.0, Histogram.of([lag] * 100))


def test_a_file_keeps_all_of_it() -> None:
    told = result()
    assert Result.read(json.loads(json.dumps(told.plain()))) == told


def test_failed_is_5xx_and_no_answer() -> None:
    assert result().whole.failed == 3
    assert result().whole.requests == 102


def test_parts_add_up() -> None:
    both = Result.merged([result(), result()])
    assert both.whole.answered == 200
    assert both.whole.errors == {"timeout": 4}


def test_a_generator_that_is_late_says_so() -> None:
    assert not result().limits()
    assert "late" in result(lag=5_000_000).limits()[0]


def test_a_rate_that_was_not_kept_is_told() -> None:
    assert "too high" in result(answers=50).limits()[0]


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {},
        {"edges": 1},
        {"edges": [{}], "rate": 1, "seconds": 1, "started": 1, "behind": 0},
        {"edges": [], "rate": "x"},
        {"edges": [], "rate": 1, "seconds": 1, "started": 1, "behind": 0},
    ],
)
def test_anything_else_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="wanted|has a|not a"):
        Result.read(wrong)


@pytest.mark.parametrize("status", ["1", "abc", "2000"])
def test_a_status_has_three_digits(status: str) -> None:
    told = result().edges[0].plain()
    with pytest.raises(ValueError, match="three digits"):
        EdgeResult.read({**told, "statuses": {status: 1}})
