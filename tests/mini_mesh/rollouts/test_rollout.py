"""When a canary grows and when it goes, by what came of its requests."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mesh_patterns.draft import Target
from mesh_patterns.rollout import Rollout
from mesh_yaml.values import parse_bounds
from mini_mesh.rollouts.rollout import Progress
from mini_mesh.rollouts.seen import Seen

WELL = Seen(100, 1, {10.0: 100})


def progress(**bounds: str) -> Progress:
    found = tuple((name, parse_bounds(text)) for name, text in bounds.items())
    rollout = Rollout(
        "shop",
        Target("shop", "v1"),
        Target("shop", "v2"),
        (10, 50, 100),
        timedelta(seconds=30),
        100,
        found,
        ("client",),
    )
    return Progress(rollout, now=0.0)


def test_it_grows_step_by_step_each_after_its_time() -> None:
    it = progress(error_rate="> 2%")
    assert it.look(WELL, 29.9) is None
    assert [(s.percent, s.ended) for s in [it.look(WELL, 30.0)] if s] == [(50, False)]
    assert it.look(WELL, 59.9) is None
    assert [(s.percent, s.ended) for s in [it.look(WELL, 60.0)] if s] == [(100, True)]
    assert it.look(Seen(100, 100), 1000.0) is None  # it has all: there is nothing to go back to


def test_who_has_too_few_requests_waits() -> None:
    it = progress(error_rate="> 2%")
    assert it.look(Seen(99, 99), 1000.0) is None
    assert it.percent == 10


@pytest.mark.parametrize(
    ("bounds", "seen", "why"),
    [
        ({"error_rate": "> 2%"}, Seen(100, 3), "3 of 100 requests failed (3 %): error_rate > 2%"),
        (
            {"error_rate": "> 50%", "p99": "> 300ms"},
            Seen(100, 0, {10.0: 98, 400.0: 2}),
            "p99 is 0.4 s: p99 > 300ms",
        ),
        ({"p50": ">= 0.01"}, WELL, "p50 is 0.01 s: p50 >= 0.01"),
    ],
)
def test_who_does_badly_goes_at_once_and_for_good(
    bounds: dict[str, str], seen: Seen, why: str
) -> None:
    it = progress(**bounds)
    step = it.look(seen, 0.5)
    assert step is not None
    assert (step.percent, step.why, step.withdrawn) == (0, why, True)
    assert it.look(WELL, 1000.0) is None


def test_two_in_a_hundred_are_not_more_than_two_percent() -> None:
    step = progress(error_rate="> 2%").look(Seen(100, 2), 30.0)
    assert step is not None
    assert not step.withdrawn


def test_without_times_no_quantile_is_bad() -> None:
    step = progress(p99="> 0").look(Seen(100, 0), 30.0)
    assert step is not None
    assert not step.withdrawn
