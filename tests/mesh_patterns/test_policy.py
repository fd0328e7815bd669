from __future__ import annotations

from mesh_patterns.draft import CLUSTER
from mesh_patterns.kinds import KINDS
from mesh_patterns.policy import (
    CircuitBreaker,
    HashKey,
    LoadBalancing,
    OutlierDetection,
)


def test_what_is_not_said_is_left_to_envoy_and_no_detector_is_on() -> None:
    limits, outliers, balance = CircuitBreaker(), OutlierDetection(), LoadBalancing()
    assert (limits.max_requests, outliers.consecutive_5xx, outliers.success_rate) == (None,) * 3
    assert (balance.policy, balance.hash, balance.panic_threshold) == ("round_robin", (), None)


def test_two_patterns_that_say_the_same_agree() -> None:
    key = HashKey("header", "x-user")
    assert LoadBalancing("maglev", (key,)) == LoadBalancing(
        "maglev", (HashKey("header", "x-user"),)
    )
    assert len({key, HashKey("header", "x-user"), HashKey("query", "x-user")}) == 2


def test_every_setting_of_a_cluster_has_a_kind_of_its_name() -> None:
    assert set(CLUSTER) - set(KINDS) == {"retry_budget", "takeover"}  # of `retries` and `failover`
