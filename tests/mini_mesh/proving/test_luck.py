"""Binomial arithmetic against values worked out with fractions."""

from __future__ import annotations

import pytest

from mini_mesh.proving.luck import outside


@pytest.mark.parametrize(
    ("trials", "chance", "low", "high", "expected"),
    [
        (2, 0.5, 0, 1, 1 / 4),
        (10, 0.5, 5, 5, 1 - 252 / 1024),
        (4, 0.25, 1, 4, 81 / 256),
        (1, 0.1, 1, 1, 0.9),
        (1000, 0.1, 72, 128, 0.0027013697),  # the 90/10 canary of the demo
        (10, 0.5, 4.2, 5.9, 1 - 252 / 1024),  # only whole numbers happen
        (10, 0.5, 0, 10, 0.0),
        (10, 0.5, 11, 20, 1.0),
        (10, 0.5, float("-inf"), float("inf"), 0.0),
    ],
)
def test_it_is_the_sum_of_what_lies_outside(
    trials: int, chance: float, low: float, high: float, expected: float
) -> None:
    assert outside(trials, chance, low, high) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("low", "high", "expected"), [(0, 0, 0.0), (1, 5, 1.0)])
def test_what_never_happens_fails_by_no_luck(low: float, high: float, expected: float) -> None:
    assert outside(5, 0.0, low, high) == expected
    assert outside(5, 1.0, 5 - high, 5 - low) == expected


def test_nothing_underflows_in_a_million_trials() -> None:
    three_sigma = outside(1_000_000, 0.1, 100_000 - 900, 100_000 + 900)
    assert three_sigma == pytest.approx(0.0027, rel=0.02)
