"""``xdstp://`` names over ADS with a living Envoy: single ones, and collections.

What Envoy 1.40 does not do: an authority with a source of its own (``config_sources`` of the
bootstrap) takes no ADS ("Only api_config_source type is currently supported"), and it asks by
``resource_names`` alone, never by ``resource_locators``.
"""

from __future__ import annotations

from pathlib import Path

from tests.xds_server.playbook import CLUSTER
from tests.xds_server.real_envoy import bootstrap, running_envoy, upstream
from tests.xds_server.resources import ADS, endpoints, rds_listener, routed
from tests.xds_server.test_real_envoy import both_variants, control_plane
from xds_server.events import Nacked, Sent
from xds_server.protos import cluster
from xds_server.resource import Resource

BASE = "xdstp://mesh.test/envoy.config"
ENDPOINTS = f"{BASE}.endpoint.v3.ClusterLoadAssignment/a"
ROUTES = f"{BASE}.route.v3.RouteConfiguration/routes"
CLUSTERS, LISTENERS = f"{BASE}.cluster.v3.Cluster/all", f"{BASE}.listener.v3.Listener/front"


def eds_cluster(name: str) -> Resource:
    config = cluster.ClusterEdsClusterConfig(eds_config=ADS, service_name=ENDPOINTS)
    kind = cluster.ClusterDiscoveryType.EDS
    return Resource.of(cluster.Cluster(name=name, type=kind, eds_cluster_config=config))


@both_variants
async def test_envoy_asks_for_endpoints_and_routes_by_their_xdstp_names(variant: str) -> None:
    async with (
        upstream("a") as a,
        control_plane() as plane,
        running_envoy(plane.port, "node", variant) as envoy,
    ):
        listener = rds_listener("front", ROUTES)
        await plane.applied(
            eds_cluster("a"), endpoints(ENDPOINTS, a), listener, routed("a", ROUTES)
        )
        assert await envoy.get() == (200, "a")
        assert not plane.events.of(Nacked)


@both_variants
async def test_envoy_takes_collections_of_clusters_and_listeners_and_what_joins_them(
    variant: str, tmp_path: Path
) -> None:
    async with upstream("a") as a, upstream("b") as b, control_plane() as plane:
        sources = bootstrap(plane.port, "node", variant, tmp_path)["dynamic_resources"]
        sources["lds_resources_locator"] = f"{LISTENERS}/*"
        sources["cds_resources_locator"] = f"{CLUSTERS}/*"
        async with running_envoy(
            plane.port, "node", variant, {"dynamic_resources": sources}
        ) as envoy:
            name, listener = f"{CLUSTERS}/a", rds_listener(f"{LISTENERS}/one", ROUTES)
            made = eds_cluster(name), endpoints(ENDPOINTS, a), listener, routed(name, ROUTES)
            await plane.applied(*made)
            assert await envoy.get(listener=f"{LISTENERS}/one") == (200, "a")
            second = eds_cluster(f"{CLUSTERS}/b"), endpoints(ENDPOINTS, b)
            moved = routed(f"{CLUSTERS}/b", ROUTES)
            await plane.applied(*second, listener, moved, eds_cluster("not asked for"))
            assert await envoy.get(listener=f"{LISTENERS}/one") == (200, "b")
        sent = {(event.type, name) for event in plane.events.of(Sent) for name in event.names}
        assert {name for kind, name in sent if kind is CLUSTER} == {
            f"{CLUSTERS}/a",
            f"{CLUSTERS}/b",
        }
        assert not plane.events.of(Nacked)
