"""What means the same looks the same, and what does not, does not."""

from __future__ import annotations

from typing import Any

import pytest

from debugger.configs.normal import MAX_DEPTH, NotReadable, leaves, normal
from xds_server.resource import ResourceType

CLUSTER, LISTENER = ResourceType.CLUSTER.type_url, ResourceType.LISTENER.type_url
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"connect_timeout": "1s"}, {"connect_timeout": "1.000s"}),
        ({"connect_timeout": "0.020s"}, {"connectTimeout": "0.02s"}),
        ({"name": "", "dns_lookup_family": "AUTO"}, {}),
        ({"type": 3}, {"type": "EDS"}),
        ({"ring_hash_lb_config": {"minimum_ring_size": "8"}},
         {"ring_hash_lb_config": {"minimum_ring_size": 8}}),
        ({"respect_dns_ttl": False, "filters": []}, {}),
        ({"common_lb_config": {"healthy_panic_threshold": {"value": 0.0}}},
         {"common_lb_config": {"healthy_panic_threshold": {}}}),
    ],
)  # fmt: skip
def test_ways_of_writing_are_no_difference(one: Any, other: Any) -> None:
    assert normal(CLUSTER, one) == normal(CLUSTER, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"circuit_breakers": {"thresholds": [{"max_requests": 0}]}},
         {"circuit_breakers": {"thresholds": [{}]}}),
        ({"eds_cluster_config": {}}, {}),
        ({"connect_timeout": "1s"}, {"connect_timeout": "1.001s"}),
        ({"new_field_of_tomorrow": 0}, {}),
    ],
)  # fmt: skip
def test_what_means_something_else_differs(one: Any, other: Any) -> None:
    assert normal(CLUSTER, one) != normal(CLUSTER, other)


def test_what_is_in_an_any_is_brought_in_order_too() -> None:
    held = {"@type": ROUTER, "suppress_envoy_headers": False, "dynamic_stats": True}
    found = normal(LISTENER, {"filter_chains": [{"filters": [{"typed_config": held}]}]})
    assert dict(leaves(found)) == {
        "filter_chains[0].filters[0].typed_config.@type": ROUTER,
        "filter_chains[0].filters[0].typed_config.dynamic_stats": True,
    }


def test_an_any_of_a_type_that_nobody_knows_stays_as_it_is() -> None:
    held = {"@type": "type.googleapis.com/no.such.Type", "value": "AAA="}
    found = normal(LISTENER, {"filter_chains": [{"filters": [{"typed_config": held}]}]})
    assert found["filter_chains"][0]["filters"][0]["typed_config"] == held
    assert normal("type.googleapis.com/no.such.Type", {"b": 0}) == {"b": 0}


@pytest.mark.parametrize(
    "junk", [{"connect_timeout": "soon"}, {"connect_timeout": 3}, {"circuit_breakers": "x"},
             {"ring_hash_lb_config": {"minimum_ring_size": "many"}}, {"filters": 5}]
)  # fmt: skip
def test_junk_is_said_to_be_junk(junk: Any) -> None:
    with pytest.raises(NotReadable, match="Cluster"):
        normal(CLUSTER, junk)


def test_nesting_has_an_end() -> None:
    deep: Any = {}
    for _ in range(MAX_DEPTH + 1):
        deep = {"@type": LISTENER, "filter_chains": [{"filters": [{"typed_config": deep}]}]}
    with pytest.raises(NotReadable, match="deep"):
        normal(LISTENER, {"filter_chains": [{"filters": [{"typed_config": deep}]}]})
