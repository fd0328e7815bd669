from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import of_cluster

FIVE = [f"10.0.0.{number}:80" for number in range(1, 6)]


@pytest.mark.parametrize(
    ("hosts", "theirs", "ours"),
    [
        (1, {}, {"consecutive_5xx": 5}),
        (1, {"consecutive_5xx": 3, "interval": "1s"}, {"interval": "1s", "consecutive_5xx": 3}),
        (1, {"enforcing_consecutive_5xx": 0, "enforcing_consecutive_gateway_failure": 100},
         {"consecutive_gateway_failure": 5}),
        (5, {"enforcing_consecutive_5xx": 0, "success_rate_stdev_factor": 1500},
         {"success_rate": {"stdev_factor": 1.5, "enforcing": 100}}),
        (5, {"enforcing_success_rate": 0}, {"consecutive_5xx": 5}),
        (1, {"enforcing_failure_percentage": 50, "failure_percentage_threshold": 60},
         {"consecutive_5xx": 5, "failure_percentage": {"threshold": 60, "enforcing": 50}}),
    ],
)  # fmt: skip
def test_what_envoy_does_by_itself_is_said(
    hosts: int, theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    found = of_cluster("it", *FIVE[:hosts], outlier_detection=theirs)
    assert found.patterns("outlier_detection") == ([{"on": "it", **ours}] if theirs or ours else [])


def test_a_verdict_that_is_carried_out_now_and_then_is_told() -> None:
    found = of_cluster("it", "10.0.0.1:80", outlier_detection={"enforcing_consecutive_5xx": 20})
    told = "enforcing_consecutive_5xx 20: all are carried out (cluster 'it')"
    assert told in found.notes
