"""The test gives the numbers that others publish for the same data."""

from __future__ import annotations

from collections import Counter

import pytest

from mini_mesh.load.comparing.ranks import mann_whitney

# R's airquality: ozone in May and in August, in its documentation of wilcox.test
MAY = "41 36 12 18 28 23 19 8 7 16 11 14 18 14 34 6 30 11 1 11 4 32 23 45 115 37"
AUGUST = "39 9 16 78 35 66 122 89 110 44 28 65 22 59 23 31 44 21 9 45 168 73 76 118 84 85"


def counts(text: str) -> Counter[int]:
    return Counter(map(int, text.split()))


def test_scipy_s_example() -> None:
    """scipy.stats.mannwhitneyu, "Examples", method="asymptotic"."""
    told = mann_whitney(counts("19 22 16 29 24"), counts("20 11 17 12"))
    assert told.u == 17
    assert told.p == pytest.approx(0.11134688653314041, rel=1e-12)


def test_r_s_example_which_has_ties() -> None:
    told = mann_whitney(counts(MAY), counts(AUGUST))
    assert told.u == 127.5
    assert told.p == pytest.approx(0.0001208, abs=5e-8)


def test_both_ways_give_the_same_chance() -> None:
    one, other = (mann_whitney(counts(a), counts(b)) for a, b in ((MAY, AUGUST), (AUGUST, MAY)))
    assert one.p == other.p
    assert one.greater == pytest.approx(1 - other.greater)


def test_the_same_is_no_difference() -> None:
    told = mann_whitney(counts(MAY), counts(MAY))
    assert told.p == 1.0
    assert told.greater == 0.5


@pytest.mark.parametrize(("a", "b"), [("", ""), ("1", ""), ("1 1", "1 1 1")])
def test_nothing_to_say_is_a_chance_of_one(a: str, b: str) -> None:
    assert mann_whitney(counts(a), counts(b)).p == 1.0
