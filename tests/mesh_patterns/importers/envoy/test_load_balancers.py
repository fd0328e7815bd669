from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import of_cluster

POLICY = "type.googleapis.com/envoy.extensions.load_balancing_policies."


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"lb_policy": "ROUND_ROBIN"}, []),
        ({"lb_policy": "random"}, [{"policy": "random"}]),
        (
            {"lb_policy": "LEAST_REQUEST", "least_request_lb_config": {"choice_count": 3}},
            [{"policy": "least_request", "choice_count": 3}],
        ),
        (
            {"common_lb_config": {"healthy_panic_threshold": {"value": 10}}},
            [{"policy": "round_robin", "panic_threshold": 10}],
        ),
        (
            {
                "load_balancing_policy": {
                    "policies": [
                        {"typed_extension_config": {"typed_config": {"@type": POLICY + each}}}
                        for each in ("cluster_provided.v3.ClusterProvided", "random.v3.Random")
                    ]
                }
            },
            [{"policy": "random"}],
        ),
    ],
)
def test_a_policy_is_ours(theirs: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    found = of_cluster("it", "10.0.0.1:80", **theirs).patterns("load_balancing")
    assert found == [{"on": "it", **each} for each in ours]


def test_a_ring_that_nothing_is_hashed_for_is_told() -> None:
    found = of_cluster("it", "10.0.0.1:80", lb_policy="MAGLEV")
    assert found.patterns("load_balancing") == []
    assert "maglev without a hash_policy: hosts are taken in turn (cluster 'it')" in found.notes


def test_a_policy_that_is_not_ours_is_told() -> None:
    found = of_cluster("it", "10.0.0.1:80", lb_policy="CLUSTER_PROVIDED")
    assert "lb_policy CLUSTER_PROVIDED: hosts are taken in turn (cluster 'it')" in found.notes
