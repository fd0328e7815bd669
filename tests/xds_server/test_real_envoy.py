"""What a living Envoy makes of it: the protocol's rules as far as they can be seen from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.xds_server.playbook import CLUSTER, ENDPOINT, LISTENER, ROUTE
from tests.xds_server.real_envoy import Envoy, Events, running_envoy, under_load, upstream
from tests.xds_server.resources import (
    answering,
    eds_cluster,
    endpoints,
    rds_listener,
    routed,
    weighted,
)
from xds_server.cache import Cache
from xds_server.events import Acked, Nacked, Sent
from xds_server.protos import cluster, core, endpoint, listener
from xds_server.resource import Resource
from xds_server.serving.server import XdsServer
from xds_server.snapshot import Snapshot

both_variants = pytest.mark.parametrize("variant", ["SotW", "Delta"])


@dataclass
class Plane:
    """A control plane in this process."""

    server: XdsServer
    cache: Cache
    events: Events
    port: int

    def serve(self, *resources: Resource, node: str = "node") -> Snapshot:
        made = Snapshot.of(resources)
        made.check()
        self.cache.set(node, made)
        return made

    async def applied(self, *resources: Resource, node: str = "node") -> Snapshot:
        made = self.serve(*resources, node=node)
        await self.events.until(lambda: self.events.status.applied(node, made))
        return made


@asynccontextmanager
async def control_plane(
    port: int = 0,
    cache: Cache | None = None,
    services: Callable[[XdsServer], Iterable[Any]] = lambda server: (),
) -> AsyncIterator[Plane]:
    """``services`` gives the handlers of what else is served on the port."""
    cache, events = cache or Cache(), Events()
    server = XdsServer(cache, on_event=events)
    port = await server.start("127.0.0.1", port, services(server))
    try:
        yield Plane(server, cache, events, port)
    finally:
        await server.stop()


@asynccontextmanager
async def plane_and_envoy(variant: str) -> AsyncIterator[tuple[Plane, Envoy]]:
    async with control_plane() as plane, running_envoy(plane.port, "node", variant) as envoy:
        yield plane, envoy


def mesh(route: Resource, ports: dict[str, int]) -> Iterable[Resource]:
    """Clusters with their endpoints, a listener, and the route."""
    clusters = [eds_cluster(name) for name in ports]
    return [*clusters, *(endpoints(n, p) for n, p in ports.items()), rds_listener(), route]


@both_variants
async def test_envoy_serves_a_route_and_a_change_of_its_weights(variant: str) -> None:
    async with plane_and_envoy(variant) as (plane, envoy), upstream("a") as a, upstream("b") as b:
        ports = {"a": a, "b": b}
        await plane.applied(*mesh(weighted({"a": 100, "b": 0}), ports))
        assert await envoy.get() == (200, "a")
        await plane.applied(*mesh(weighted({"a": 0, "b": 100}), ports))
        assert await envoy.get() == (200, "b")
        assert [event.type for event in plane.events.of(Sent)].count(ROUTE) == 2


@both_variants
async def test_a_nacked_route_keeps_the_old_one_and_names_its_line(variant: str) -> None:
    async with plane_and_envoy(variant) as (plane, envoy), upstream("a") as a:
        await plane.applied(*mesh(routed("a"), {"a": a}))
        bad = weighted({"a": 0}, origins={"virtual_hosts[0].routes[0]": "canary.yaml:14:22"})
        refused = plane.serve(*mesh(bad, {"a": a}))
        await plane.events.until(lambda: bool(plane.events.of(Nacked)))
        (nacked,) = plane.events.of(Nacked)
        assert str(nacked.record) == (
            "canary.yaml:14:22: NACK from node: RouteConfiguration 'routes' "
            "virtual_hosts[0].routes[0].route.weighted_clusters: "
            "Sum of weights in the weighted_cluster must be greater than 0."
        )
        assert await envoy.get() == (200, "a")
        assert not plane.events.status.applied("node", refused)
        await plane.applied(*mesh(answering("better"), {"a": a}))
        assert await envoy.get() == (200, "better")
        assert len(plane.events.of(Nacked)) == 1


@both_variants
async def test_refused_clusters_listeners_and_endpoints_are_told_by_field(variant: str) -> None:
    async with plane_and_envoy(variant) as (plane, envoy):
        nowhere = a_cluster_at("nowhere", core.SocketAddress(address="nope", port_value=1))
        nameless = Resource.of(listener.Listener(name="bare"))
        plane.cache.set("node", Snapshot.of([nowhere, eds_cluster("a"), endpoints("a", 70_000)]))
        await plane.events.until(lambda: len(plane.events.of(Nacked)) == 2)
        plane.cache.set("node", Snapshot.of([nameless]))
        await plane.events.until(lambda: len(plane.events.of(Nacked)) == 3)
        found = {(event.record.resource, event.record.field) for event in plane.events.of(Nacked)}
        socket = "endpoint.address.socket_address"
        assert found == {
            ("nowhere", f"load_assignment.endpoints[0].lb_endpoints[0].{socket}.address"),
            ("a", f"endpoints[0].lb_endpoints[0].{socket}.port_value"),
            ("bare", None),
        }


def a_cluster_at(name: str, address: core.SocketAddress) -> Resource:
    host = endpoint.LbEndpoint(
        endpoint=endpoint.Endpoint(address=core.Address(socket_address=address))
    )
    locality = endpoint.LocalityLbEndpoints(lb_endpoints=[host])
    return Resource.of(
        cluster.Cluster(
            name=name,
            load_assignment=endpoint.ClusterLoadAssignment(cluster_name=name, endpoints=[locality]),
        )
    )


@both_variants
async def test_a_cluster_that_is_replaced_loses_no_request(variant: str) -> None:
    async with plane_and_envoy(variant) as (plane, envoy), upstream("a") as a, upstream("b") as b:
        await plane.applied(*mesh(routed("a"), {"a": a}))
        async with under_load(envoy) as answers:
            for _ in range(5):
                await plane.applied(*mesh(routed("b"), {"b": b}))
                await plane.applied(*mesh(routed("a"), {"a": a}))
        assert set(answers) <= {(200, "a"), (200, "b")}
        assert await envoy.stat("cluster_manager.cluster_removed") == 10


@both_variants
async def test_a_changed_cluster_gets_its_endpoints_again_and_becomes_warm(variant: str) -> None:
    async with plane_and_envoy(variant) as (plane, envoy), upstream("a") as a:
        before = [endpoints("a", a), rds_listener(), routed("a")]
        await plane.applied(eds_cluster("a"), *before)
        plane.events.all.clear()
        await plane.applied(eds_cluster("a", timeout=2.0), *before)
        sent = [event.type for event in plane.events.of(Sent)]
        assert sent == [CLUSTER, ENDPOINT]
        assert await envoy.stat("cluster_manager.warming_clusters") == 0
        assert await envoy.get() == (200, "a")


@both_variants
async def test_a_restart_of_the_server_fails_no_request_and_touches_no_listener(
    variant: str,
) -> None:
    async with plane_and_envoy(variant) as (plane, envoy), upstream("a") as a:
        await plane.applied(*mesh(routed("a"), {"a": a}))
        async with under_load(envoy) as answers:
            await plane.server.stop()
            async with control_plane(plane.port, plane.cache) as restarted:
                await restarted.applied(*mesh(routed("a"), {"a": a}))
                listeners = [e for e in restarted.events.of(Sent) if e.type is LISTENER]
                assert not any(event.names for event in listeners)
                await restarted.applied(*mesh(answering("later"), {"a": a}))
                assert await envoy.get() == (200, "later")
        assert set(answers) <= {(200, "a"), (200, "later")}
        assert await envoy.stat("listener_manager.listener_modified") == 0
        assert await envoy.stat("listener_manager.listener_added") == 1
        assert await envoy.stat("cluster_manager.cluster_modified") == 0


async def test_delta_answers_at_once_for_endpoints_that_are_missing() -> None:
    """With SotW, Envoy 1.40 keeps its ACK of the clusters to itself for 15 s here."""
    async with plane_and_envoy("Delta") as (plane, envoy):
        lacking = Snapshot.of([eds_cluster("a"), rds_listener(), answering("up")])
        plane.cache.set("node", lacking)
        await plane.events.until(lambda: ROUTE in [e.type for e in plane.events.of(Acked)])
        assert await envoy.get() == (200, "up")


async def test_two_envoys_in_two_groups_are_served_apart() -> None:
    async with (
        control_plane() as plane,
        running_envoy(plane.port, "one", "SotW") as one,
        running_envoy(plane.port, "two", "Delta") as two,
    ):
        await plane.applied(rds_listener(), answering("first"), node="one")
        await plane.applied(rds_listener(), answering("second"), node="two")
        assert (await one.get(), await two.get()) == ((200, "first"), (200, "second"))
        assert plane.events.status.nodes() == ("one", "two")
        await plane.applied(rds_listener(), answering("changed"), node="one")
        assert (await one.get(), await two.get()) == ((200, "changed"), (200, "second"))
        assert {event.node.id for event in plane.events.of(Acked)} == {"one", "two"}
