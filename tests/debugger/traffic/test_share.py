"""The slow one is found, though everybody above it is as slow."""

from __future__ import annotations

import pytest

from debugger.traffic.flow import Flow
from debugger.traffic.share import owns


def at(ms: float, count: int = 10) -> dict[float, tuple[float, int]]:
    return {ms: (0.0, count)}


def test_time_is_whose_it_is() -> None:
    """a calls b and c; b calls d, which takes 50 of the 60 ms."""
    found = owns(
        [
            Flow("ingress", "ingress", "server", 10, 0, times=at(62)),
            Flow("ingress", "ingress", "client", 10, 0, "a", times=at(61)),
            Flow("a", "a", "server", 10, 0, times=at(60)),
            Flow("a", "a", "client", 10, 0, "b", times=at(54)),
            Flow("a", "a", "client", 10, 0, "c", times=at(2)),
            Flow("b", "b", "server", 10, 0, times=at(53)),
            Flow("b", "b", "client", 10, 0, "d", times=at(51)),
            Flow("c", "c", "server", 10, 0, times=at(1)),
            Flow("d", "d", "server", 10, 0, times=at(50)),
        ]
    )
    assert [each.service for each in found] == ["d", "a", "b", "c"]
    assert (found[0].mean, found[0].own) == (50.0, 50.0)
    assert found[1].own == pytest.approx(4.0)
    assert sum(each.part for each in found) == pytest.approx(1.0)


def test_calls_side_by_side_leave_nothing_less_than_nothing() -> None:
    flows = [
        Flow("a", "a", "server", 10, 0, times=at(10)),
        Flow("a", "a", "client", 10, 0, "b", times=at(8)),
        Flow("a", "a", "client", 10, 0, "c", times=at(8)),
    ]
    (found,) = owns(flows)
    assert (found.own, found.part) == (0.0, 0.0)
