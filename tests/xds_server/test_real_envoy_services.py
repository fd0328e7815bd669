"""A living Envoy with a stream for each type, or for each name, in place of an aggregated one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.xds_server.playbook import CLUSTER, ENDPOINT, LISTENER, ROUTE
from tests.xds_server.real_envoy import Envoy, own_stream, running_envoy, under_load, upstream
from tests.xds_server.resources import (
    eds_cluster,
    endpoints,
    rds_listener,
    routed,
)
from tests.xds_server.resources import own_stream as source_of
from tests.xds_server.test_real_envoy import Plane, both_variants, control_plane
from xds_server.events import Acked, Nacked, StreamOpened
from xds_server.resource import Resource


@asynccontextmanager
async def plane_and_envoy(variant: str) -> AsyncIterator[tuple[Plane, Envoy]]:
    source = own_stream(variant)
    more = {"dynamic_resources": {"cds_config": source, "lds_config": source}}
    async with control_plane() as plane, running_envoy(plane.port, "node", variant, more) as envoy:
        yield plane, envoy


def mesh(variant: str, to: str, port: int) -> list[Resource]:
    source = source_of(variant)
    return [
        eds_cluster(to, source=source),
        endpoints(to, port),
        rds_listener(source=source),
        routed(to),
    ]


async def accepted(plane: Plane, *resources: Resource) -> None:
    """All four types are accepted in the snapshot's version, each on its own stream."""
    made = plane.serve(*resources)
    kinds = (CLUSTER, ENDPOINT, LISTENER, ROUTE)

    def holds() -> bool:
        types = plane.events.status.of("node")
        return all(k in types and types[k].acked == made.version(k) for k in kinds)

    await plane.events.until(holds)


@both_variants
async def test_a_mesh_whose_types_have_a_stream_each_is_served_and_changed(variant: str) -> None:
    async with plane_and_envoy(variant) as (plane, envoy), upstream("a") as a, upstream("b") as b:
        await accepted(plane, *mesh(variant, "a", a))
        assert await envoy.get() == (200, "a")
        opened = [event.type for event in plane.events.of(StreamOpened)]
        assert {CLUSTER, ENDPOINT, LISTENER, ROUTE} == set(opened)
        await accepted(plane, *mesh(variant, "a", b))
        await envoy.until_served("b")
        assert plane.events.of(Nacked) == []


@both_variants
async def test_no_stream_waits_for_what_another_one_would_have_to_say(variant: str) -> None:
    """A route to a cluster that is not there yet, and a cluster that goes, are sent at once."""
    async with plane_and_envoy(variant) as (plane, envoy), upstream("a") as a, upstream("b") as b:
        await accepted(plane, *mesh(variant, "a", a))
        async with under_load(envoy) as answers:
            await accepted(plane, *mesh(variant, "b", b))
            await envoy.until_served("b")
        assert {body for status, body in answers if status == 200} <= {"a", "b"}
        assert {event.type for event in plane.events.of(Acked)} == {
            CLUSTER,
            ENDPOINT,
            LISTENER,
            ROUTE,
        }
