"""Arrivals do not depend on anything that happens later."""

from __future__ import annotations

import pytest

from mini_mesh.load.load import Arrivals, Load, edge
from mini_mesh.load.schedule import times

EDGE = (edge("http://a/"),)


def load(arrivals: Arrivals, rate: float = 1000.0) -> Load:
    return Load(EDGE, rate, 9.0, 4, warm_up=1.0, arrivals=arrivals, seed=7)


def test_constant_arrivals_have_one_distance() -> None:
    due = list(times(load("constant")))
    assert len(due) == 10_000
    assert due[:3] == [0.0, 0.001, 0.002]
    assert due[-1] == pytest.approx(9.999)


def test_poisson_arrivals_have_the_rate_and_its_spread() -> None:
    """The distances of a Poisson process have a deviation as large as their mean."""
    due = list(times(load("poisson")))
    gaps = [after - before for before, after in zip(due, due[1:], strict=False)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(0.001, rel=0.05)
    assert deviation == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_the_same_seed_is_the_same_schedule(arrivals: Arrivals) -> None:
    assert list(times(load(arrivals))) == list(times(load(arrivals)))


def test_processes_share_the_rate() -> None:
    parts = [list(times(each)) for each in load("constant").split(3)]
    assert sorted(sum(parts, [])) == list(times(load("constant")))
    apart = [list(times(each)) for each in load("poisson").split(2)]
    assert apart[0] != apart[1]
    assert sum(map(len, apart)) == pytest.approx(10_000, rel=0.05)
