"""What is to be checked, and how endpoints are served with what was found."""

from __future__ import annotations

import pytest

from tests.xds_server.playbook import a_cluster
from tests.xds_server.resources import address, endpoints
from xds_server import mirror, protos
from xds_server.clients.endpoint_health import ClusterCheck, Health, with_health
from xds_server.errors import ResourceError
from xds_server.protos import core, endpoint
from xds_server.resource import Resource

TCP = core.HealthCheck(tcp_health_check=core.HealthCheckTcpHealthCheck())
ONE, TWO = "127.0.0.1:1", "127.0.0.1:2"
UNKNOWN, HEALTHY, UNHEALTHY = Health.UNKNOWN, Health.HEALTHY, Health.UNHEALTHY


def _statuses(resource: Resource) -> list[int]:
    read = mirror.parse(endpoint.ClusterLoadAssignment, resource.body)
    return [each.health_status for place in read.endpoints for each in place.lb_endpoints]


def test_endpoints_are_served_with_the_health_that_was_found() -> None:
    before = endpoints("a", 1, 2, 3)
    after = with_health(before, {ONE: UNHEALTHY, TWO: HEALTHY})
    assert _statuses(after) == [UNHEALTHY, HEALTHY, UNKNOWN]
    assert after.version != before.version
    assert with_health(before, {}) is before


def test_an_endpoint_that_was_taken_out_by_hand_stays_out() -> None:
    host = endpoint.LbEndpoint(
        endpoint=endpoint.Endpoint(address=address(1)), health_status=core.HealthStatus.DRAINING
    )
    place = endpoint.LocalityLbEndpoints(lb_endpoints=[host])
    drained = Resource.of(endpoint.ClusterLoadAssignment(cluster_name="a", endpoints=[place]))
    assert with_health(drained, {ONE: HEALTHY}) is drained


def test_only_endpoints_are_checked_and_in_one_way_at_least() -> None:
    with pytest.raises(ResourceError, match="^a: got a Cluster, wanted endpoints$"):
        ClusterCheck.of(a_cluster("a"), TCP)
    with pytest.raises(ResourceError, match="^a: got no health checks, wanted at least one$"):
        ClusterCheck.of(endpoints("a", 1))


def test_the_statuses_have_the_numbers_of_their_proto() -> None:
    assert {each.name: each.value for each in Health} == {
        each.name: each.value for each in protos.core.HealthStatus
    }
