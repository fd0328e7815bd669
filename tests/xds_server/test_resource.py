"""Resources: named, versioned by content, with the places that they came from."""

from __future__ import annotations

import pytest

from xds_server.errors import ResourceError
from xds_server.protos import cluster, endpoint, router
from xds_server.resource import Resource, ResourceType


def test_type_and_name_are_read_from_the_message() -> None:
    made = Resource.of(endpoint.ClusterLoadAssignment(cluster_name="a"))
    assert (made.type, made.name) == (ResourceType.ENDPOINT, "a")
    assert made.type.type_url == (
        "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    )


def test_the_version_changes_exactly_when_the_content_does() -> None:
    one, same, other = (
        Resource.of(cluster.Cluster(name="a", alt_stat_name=content)) for content in "xxy"
    )
    assert one.version == same.version != other.version
    assert len(one.version) == 12


def test_a_resource_that_moved_in_its_file_is_the_same() -> None:
    message = cluster.Cluster(name="a")
    here, there = (Resource.of(message, origins={"": place}) for place in ("f:1:1", "f:2:1"))
    assert here == there


@pytest.mark.parametrize("name", ["", "*"])
def test_a_resource_needs_a_name_of_its_own(name: str) -> None:
    with pytest.raises(ResourceError, match="Cluster: got the name"):
        Resource.of(cluster.Cluster(name=name))


def test_a_message_that_nobody_discovers_is_no_resource() -> None:
    with pytest.raises(ResourceError, match="Router: no discovery service serves this type"):
        Resource.of(router.Router())


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("", "f:1:1"),
        ("name", "f:1:1"),
        ("virtual_hosts[0].routes[1]", "f:3:3"),
        ("virtual_hosts[0].routes[1].route.weighted_clusters.clusters[0].weight", "f:3:3"),
        ("virtual_hosts[0].routes[10]", "f:2:2"),
        ("virtual_hosts[0].routes_like", "f:2:2"),
        ("virtual_hosts[1]", "f:1:1"),
    ],
)
def test_the_place_is_that_of_the_nearest_part_that_has_one(path: str, place: str) -> None:
    origins = {"": "f:1:1", "virtual_hosts[0]": "f:2:2", "virtual_hosts[0].routes[1]": "f:3:3"}
    assert Resource.of(cluster.Cluster(name="a"), origins=origins).place_of(path) == place


def test_without_origins_there_is_no_place() -> None:
    assert Resource.of(cluster.Cluster(name="a")).place_of("name") is None


def test_types_are_pushed_make_before_break() -> None:
    order = [kind.title for kind in ResourceType]
    assert order.index("Cluster") < order.index("ClusterLoadAssignment") < order.index("Listener")
    assert order.index("Listener") < order.index("RouteConfiguration")
