from __future__ import annotations

import pytest

from debugger.traffic.flow import Flow
from debugger.traffic.objectives import kept


def served(service: str, total: int, failed: int, milliseconds: float = 1.0) -> Flow:
    times = {milliseconds: (0.0, total)}
    return Flow(service, service, "server", total, failed, times=times)


def sent(caller: str, callee: str, failed: int) -> Flow:
    return Flow(caller, caller, "client", 1000, failed, peer=callee)


@pytest.mark.parametrize(
    ("failed", "holds", "budget"),
    [(0, True, 1.0), (5, True, 0.5), (10, True, 0.0), (15, False, -0.5)],
)
def test_failures_spend_a_budget(failed: int, holds: bool, budget: float) -> None:
    (each,) = kept({"web": {"availability": 99.0}}, [served("web", 1000, failed)])
    assert (each.holds, each.budget) == (holds, pytest.approx(budget))


def test_several_envoys_of_a_service_are_one() -> None:
    parts = [served("web", 100, 3), served("web", 300, 1)]
    (each,) = kept({"web": {"availability": 99.0}}, parts)
    assert (each.requests, each.seen) == (400, 99.0)


def test_a_quantile_is_compared_in_seconds() -> None:
    promised = {"web": {"availability": None, "latency": {"p99": 0.3, "p50": 0.5}}}
    slow, fine = kept(promised, [served("web", 10, 0, milliseconds=400)])
    assert (slow.what, slow.holds, slow.seen) == ("p99", False, pytest.approx(0.4))
    assert (fine.what, fine.holds) == ("p50", True)


def test_the_edges_that_failed_are_told_worst_first() -> None:
    flows = [
        served("web", 1000, 30),
        sent("page", "web", 10),
        sent("web", "db", 20),
        sent("page", "other", 99),
        sent("web", "well", 0),
    ]
    (each,) = kept({"web": {"availability": 99.0}}, flows)
    assert each.spent_by == (("web", "db", 20), ("page", "web", 10))


def test_who_got_no_request_is_left_out() -> None:
    assert list(kept({"web": {"availability": 99.0}}, [])) == []
