"""What Envoy's counters and histograms say of a version."""

from __future__ import annotations

import pytest

from mini_mesh.rollouts.seen import Seen, read, together


def test_what_came_since_is_a_difference_and_never_less_than_nothing() -> None:
    before, after = Seen(10, 2, {1.0: 8, 5.0: 2}), Seen(15, 2, {1.0: 9, 5.0: 2, 9.0: 4})
    assert after.since(before) == Seen(5, 0, {1.0: 1, 9.0: 4})
    assert before.since(after) == Seen()  # Envoy started anew


def test_several_envoys_are_taken_together() -> None:
    parts = [Seen(1, 1, {1.0: 1}), Seen(2, 0, {1.0: 1, 2.0: 1})]
    assert together(parts) == Seen(3, 1, {1.0: 2, 2.0: 1})


@pytest.mark.parametrize(("share", "seconds"), [(0.5, 0.001), (0.9, 0.002), (0.99, 0.05)])
def test_a_quantile_is_the_end_of_its_bucket(share: float, seconds: float) -> None:
    assert Seen(100, 0, {1.0: 80, 2.0: 15, 50.0: 5}).quantile(share) == seconds


def test_of_nothing_there_is_no_quantile() -> None:
    assert Seen().quantile(0.5) is None


def test_an_answer_of_the_admin_interface_is_read() -> None:
    prefix = "http.inbound-shop-v2"
    stats = {
        "stats": [
            {"name": f"{prefix}.downstream_rq_completed", "value": 7},
            {"name": f"{prefix}.downstream_rq_5xx", "value": 2},
            {
                "histograms": {
                    "details": [
                        {
                            "name": f"{prefix}.downstream_rq_time",
                            "totals": [{"lower_bound": 1, "width": 0.5, "count": 7}],
                        },
                        {"name": "another", "totals": [{"lower_bound": 1, "width": 1, "count": 1}]},
                    ]
                }
            },
        ]
    }
    assert read(stats, prefix) == Seen(7, 2, {1.5: 7})
    assert read({}, prefix) == Seen()
