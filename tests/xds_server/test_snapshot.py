"""Snapshots: versions by content, and references that must resolve."""

from __future__ import annotations

import pytest

from tests.xds_server import resources
from tests.xds_server.playbook import (
    CLUSTER,
    ENDPOINT,
    LISTENER,
    ROUTE,
    a_cluster,
    a_route,
    an_assignment,
    an_eds_cluster,
)
from xds_server.errors import InconsistentSnapshot, ResourceError
from xds_server.mirror import any_of
from xds_server.protos import core, hcm, listener, route, socket_tap, tls
from xds_server.resource import Resource
from xds_server.snapshot import Snapshot


def test_a_types_version_depends_on_its_resources_and_not_on_their_order() -> None:
    one = Snapshot.of([a_cluster("a"), a_cluster("b"), an_assignment("a")])
    same = Snapshot.of([a_cluster("b"), a_cluster("a")])
    other = Snapshot.of([a_cluster("a"), a_cluster("b", "changed")])
    assert one.version(CLUSTER) == same.version(CLUSTER) != other.version(CLUSTER)
    assert one.version(ENDPOINT) != same.version(ENDPOINT)


def test_two_resources_of_one_name_are_refused() -> None:
    with pytest.raises(ResourceError, match="Cluster 'a': two resources of this name"):
        Snapshot.of([a_cluster("a"), a_cluster("a", "other")])
    assert Snapshot.of([a_cluster("a"), an_assignment("a")]).resources(CLUSTER)


def test_a_whole_mesh_is_consistent() -> None:
    Snapshot.of(
        [
            resources.eds_cluster("a"),
            resources.endpoints("a", 80),
            resources.rds_listener(),
            resources.routed("a"),
        ]
    ).check()


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (
            an_eds_cluster("a"),
            "Cluster 'a': eds_cluster_config names the ClusterLoadAssignment 'a'",
        ),
        (
            resources.rds_listener(),
            "Listener 'front': filter_chains[0].filters[0].typed_config.rds names the "
            "RouteConfiguration 'routes'",
        ),
        (
            a_route("r", "x"),
            "RouteConfiguration 'r': virtual_hosts[0].routes[0].route.cluster names the "
            "Cluster 'x'",
        ),
    ],
)
def test_what_is_missing_is_named(held: Resource, told: str) -> None:
    with pytest.raises(InconsistentSnapshot) as caught:
        Snapshot.of([held]).check()
    assert caught.value.missing == (f"{told}, which is not in the snapshot",)


def test_weighted_and_mirrored_clusters_are_needed_too_and_told_with_their_place() -> None:
    action = route.RouteAction(
        weighted_clusters=route.WeightedCluster(
            clusters=[route.WeightedClusterClusterWeight(name=name) for name in "ab"]
        ),
        request_mirror_policies=[route.RouteActionRequestMirrorPolicy(cluster="c")],
    )
    host = route.VirtualHost(routes=[route.Route(route=action)])
    made = Resource.of(
        route.RouteConfiguration(name="r", virtual_hosts=[host]),
        origins={"virtual_hosts[0].routes[0].route.weighted_clusters.clusters[1]": "f:3:7"},
    )
    with pytest.raises(InconsistentSnapshot) as caught:
        Snapshot.of([made, a_cluster("a")]).check(static_clusters=["c"])
    assert caught.value.missing == (
        "f:3:7: RouteConfiguration 'r': virtual_hosts[0].routes[0].route.weighted_clusters"
        ".clusters[1] names the Cluster 'b', which is not in the snapshot",
    )


def test_what_does_not_come_over_ads_is_not_missed() -> None:
    file = core.PathConfigSource(path="/routes.yaml")
    manager = hcm.HttpConnectionManager(
        rds=hcm.Rds(config_source=core.ConfigSource(path_config_source=file), route_config_name="r")
    )
    chain = listener.FilterChain(filters=[listener.Filter(typed_config=any_of(manager))])
    made = Resource.of(listener.Listener(name="l", filter_chains=[chain]))
    Snapshot.of([made]).check()


def test_a_type_is_needed_where_something_refers_to_it() -> None:
    made = Snapshot.of([an_eds_cluster("a"), an_assignment("a"), a_route("r")])
    assert made.is_needed(CLUSTER)
    assert made.is_needed(ENDPOINT)
    assert not made.is_needed(ROUTE)
    assert not made.is_needed(LISTENER)


def test_secrets_that_a_listener_names_are_needed() -> None:
    secret = tls.SdsSecretConfig(name="server", sds_config=resources.ADS)
    common = tls.CommonTlsContext(tls_certificate_sds_secret_configs=[secret])
    context = tls.DownstreamTlsContext(common_tls_context=common)
    socket = core.TransportSocket(name="tls", typed_config=any_of(context))
    with pytest.raises(InconsistentSnapshot) as caught:
        Snapshot.of([resources.http_listener(transport_socket=socket)]).check()
    assert caught.value.missing == (
        "Listener 'front': filter_chains[0].transport_socket.typed_config.common_tls_context"
        ".tls_certificate_sds_secret_configs[0] names the Secret 'server', "
        "which is not in the snapshot",
    )
    around = socket_tap.Tap(transport_socket=socket)
    tapped = core.TransportSocket(name="tap", typed_config=any_of(around))
    with pytest.raises(InconsistentSnapshot) as caught:
        Snapshot.of([resources.http_listener(transport_socket=tapped)]).check()
    assert caught.value.missing[0].startswith(
        "Listener 'front': filter_chains[0].transport_socket.typed_config.transport_socket"
        ".typed_config.common_tls_context.tls_certificate_sds_secret_configs[0] names the Secret"
    )
