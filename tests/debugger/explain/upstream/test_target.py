"""Which hosts of a cluster may get a request."""

from __future__ import annotations

from typing import Any

import pytest

from debugger.explain.served import Served
from debugger.explain.upstream.target import Target, address_of, target
from mesh_patterns.compile import aggregate, load_balancing
from mesh_patterns.policy import LoadBalancing
from tests.debugger.explain.made import answer
from xds_server.mirror import parse, serialize
from xds_server.protos import cluster, core, endpoint, envoy_type
from xds_server.resource import Resource

Health = core.HealthStatus
EDS = cluster.ClusterDiscoveryType.EDS


def address(port: int) -> core.Address:
    return core.Address(socket_address=core.SocketAddress(address="127.0.0.1", port_value=port))


def hosts(priority: int, *health: core.HealthStatus) -> endpoint.LocalityLbEndpoints:
    """At ports 10, 11, … of priority 1, and so on."""
    return endpoint.LocalityLbEndpoints(
        priority=priority,
        lb_endpoints=[
            endpoint.LbEndpoint(
                endpoint=endpoint.Endpoint(address=address(10 * priority + i)), health_status=each
            )
            for i, each in enumerate(health)
        ],
    )


def found(*localities: endpoint.LocalityLbEndpoints, **more: Any) -> Target:
    made = Resource.of(
        cluster.Cluster(name="c", type=EDS, **more),
        origins={"": "m.yaml:1:1", "circuit_breakers": "m.yaml:2:2"},
    )
    assignment = endpoint.ClusterLoadAssignment(cluster_name="c", endpoints=list(localities))
    return target(Served(answer("n", [made, Resource.of(assignment)])), "c")


def ports(of: Target) -> list[int] | None:
    if of.choosable is None:
        return None
    return [int(each.rpartition(":")[2]) for each in of.choosable]


OK, BAD, DRAINS, DEGRADED = Health.HEALTHY, Health.UNHEALTHY, Health.DRAINING, Health.DEGRADED


@pytest.mark.parametrize(
    ("localities", "expected"),
    [
        ([hosts(0, OK, Health.UNKNOWN)], [0, 1]),
        ([hosts(0, OK, OK, BAD)], [0, 1]),
        ([hosts(0, OK, OK), hosts(1, OK)], [0, 1]),
        ([hosts(0, OK, BAD), hosts(1, OK)], [0, 10]),  # 70 % of the load, and the rest
        ([hosts(0, BAD, DRAINS), hosts(1, OK)], [10]),
        ([hosts(0, OK, BAD, BAD), hosts(1, OK)], [0, 1, 2, 10]),  # in panic
        ([hosts(0, BAD, BAD)], [0, 1]),  # nobody is healthy: all are asked
        ([hosts(0, DEGRADED, OK)], [1, 0]),
        ([], []),
    ],
)
def test_health_and_priorities_choose(
    localities: list[endpoint.LocalityLbEndpoints], expected: list[int]
) -> None:
    assert ports(found(*localities)) == expected


def test_without_panic_the_unhealthy_get_nothing() -> None:
    calm = cluster.ClusterCommonLbConfig(healthy_panic_threshold=envoy_type.Percent(value=0.0))
    assert ports(found(hosts(0, BAD, BAD), common_lb_config=calm)) == []


def test_ejections_may_choose_any() -> None:
    of = found(hosts(0, OK), hosts(1, OK), outlier_detection=cluster.OutlierDetection())
    assert ports(of) == [0, 10]
    assert of.why == "health checks and ejections decide which"


def test_dns_is_not_known() -> None:
    dns = cluster.Cluster(name="c", type=cluster.ClusterDiscoveryType.STRICT_DNS)
    of = target(Served(answer("n", [Resource.of(dns)])), "c")
    assert (of.choosable, of.why, of.kind) == (None, "DNS tells its hosts", "strict DNS")


def test_a_cluster_that_was_not_served_may_be_the_bootstrap_s() -> None:
    of = target(Served(answer("n", [])), "c")
    assert (of.found, of.hosts) == (False, ())
    assert "bootstrap" in of.why


def test_limits_are_those_of_the_default_priority_or_envoy_s_own() -> None:
    breakers = cluster.CircuitBreakers(
        thresholds=[
            cluster.CircuitBreakersThresholds(priority=core.RoutingPriority.HIGH, max_requests=9),
            cluster.CircuitBreakersThresholds(max_requests=1),
        ]
    )
    of = found(hosts(0, OK), circuit_breakers=breakers)
    assert of.limits == {"max_requests": 1}
    assert (of.limit("max_requests"), of.limit("max_retries")) == (1, 3)
    assert of.lines["circuit_breakers"] == "m.yaml:2:2"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (address(80), "127.0.0.1:80"),
        (core.Address(socket_address=core.SocketAddress(address="::1", port_value=1)), "[::1]:1"),
        (core.Address(pipe=core.Pipe(path="/x.sock")), "/x.sock"),
        (core.Address(), ""),
    ],
)
def test_addresses_in_words(given: core.Address, expected: str) -> None:
    assert address_of(parse(core.Address, serialize(given))) == expected


def test_requests_of_high_priority_have_limits_of_their_own() -> None:
    thresholds = [
        cluster.CircuitBreakersThresholds(max_requests=5),
        cluster.CircuitBreakersThresholds(priority=core.RoutingPriority.HIGH, max_requests=2),
    ]
    breakers = cluster.CircuitBreakers(thresholds=thresholds)
    lines = {
        "": "m.yaml:1:1",
        "circuit_breakers": "m.yaml:2:2",
        "circuit_breakers.thresholds[1]": "m.yaml:3:3",
    }
    made = Resource.of(
        cluster.Cluster(name="c", type=EDS, circuit_breakers=breakers), origins=lines
    )
    served = Served(answer("n", [made]))
    plain, high = target(served, "c"), target(served, "c", 1)
    assert (plain.limits, plain.lines["circuit_breakers"]) == ({"max_requests": 5}, "m.yaml:2:2")
    assert (high.limits, high.lines["circuit_breakers"]) == ({"max_requests": 2}, "m.yaml:3:3")


def test_an_aggregate_is_known_by_its_members() -> None:
    message = aggregate.message("failover:c", ["c", "d"], lb_policy=aggregate.PROVIDED)
    it = target(Served(answer("n", [Resource.of(message)])), "failover:c")
    assert (it.kind, it.members, it.choosable) == ("aggregate", ("c", "d"), None)
    assert it.why == "the health of c, then d decides"


def test_a_policy_that_is_an_extension_is_called_as_it_is() -> None:
    fields = load_balancing.fields(LoadBalancing("client_side_weighted_round_robin"))
    assert found(hosts(0, OK), **fields).policy == "client side weighted round robin"
