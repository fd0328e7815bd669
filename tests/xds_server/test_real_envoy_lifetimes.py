"""What expires in a living Envoy: it stays while heartbeats come, and goes when they do not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.xds_server.playbook import CLUSTER, ENDPOINT
from tests.xds_server.real_envoy import DEADLINE, running_envoy
from tests.xds_server.resources import eds_cluster, endpoints
from tests.xds_server.test_real_envoy import both_variants, control_plane
from xds_server.events import Acked, StreamOpened
from xds_server.protos import protobuf, runtime
from xds_server.resource import Resource, ResourceType
from xds_server.sessions.heartbeats import KNOWS_TTL, KNOWS_WRAPPED

TTL = 0.6  # seconds
ANNOUNCED = {"client_features": [KNOWS_TTL, KNOWS_WRAPPED]}
NODE: dict[str, Any] = {"node": {"id": "node", "cluster": "test", **ANNOUNCED}}


def mortal(resource: Resource) -> Resource:
    return Resource.of_bytes(resource.type, resource.name, resource.body, ttl=TTL)


async def test_envoy_announces_what_its_bootstrap_says_and_nothing_by_itself() -> None:
    for more, announced in (({}, ()), (NODE, (KNOWS_TTL, KNOWS_WRAPPED))):
        async with control_plane() as plane, running_envoy(plane.port, "node", "SotW", more):
            await plane.events.until(lambda plane=plane: bool(plane.events.of(StreamOpened)))
            assert plane.events.of(StreamOpened)[0].node.client_features == announced


@both_variants
async def test_a_cluster_stays_while_heartbeats_come_and_goes_without_them(variant: str) -> None:
    async with (
        control_plane() as plane,
        running_envoy(plane.port, "node", variant, NODE) as envoy,
    ):
        lasting = eds_cluster("lasting"), endpoints("lasting", 80), endpoints("a", 80)
        await plane.applied(mortal(eds_cluster("a")), *lasting)
        assert await envoy.stat("cluster_manager.active_clusters") == 3
        await asyncio.sleep(2.5 * TTL)
        assert await envoy.stat("cluster_manager.active_clusters") == 3
        assert [event.type for event in plane.events.of(Acked)].count(CLUSTER) == 1
        await plane.server.stop()
        async with asyncio.timeout(DEADLINE):
            while await envoy.stat("cluster_manager.active_clusters") == 3:
                pass
        assert await envoy.stat("cluster.lasting.membership_total") == 1


@both_variants
async def test_a_runtime_layer_stays_while_heartbeats_come_and_goes_without_them(
    variant: str,
) -> None:
    source = {"ads": {}, "resource_api_version": "V3"}
    layer = {"name": "rtds", "rtds_layer": {"name": "flags", "rtds_config": source}}
    more = {**NODE, "layered_runtime": {"layers": [layer]}}
    async with (
        control_plane() as plane,
        running_envoy(plane.port, "node", variant, more) as envoy,
    ):
        fields = {"health_check.min_interval": protobuf.Value(number_value=5)}
        made = runtime.Runtime(name="flags", layer=protobuf.Struct(fields=fields))
        plane.serve(mortal(Resource.of(made)))
        await plane.events.until(
            lambda: ResourceType.RUNTIME in [event.type for event in plane.events.of(Acked)]
        )
        await asyncio.sleep(2.5 * TTL)
        assert json.loads(await envoy.admin("/runtime"))["entries"]
        await plane.server.stop()
        async with asyncio.timeout(DEADLINE):
            while json.loads(await envoy.admin("/runtime"))["entries"]:
                pass


@pytest.mark.parametrize("variant", ["SotW", "Delta"])
async def test_an_envoy_survives_endpoints_that_would_expire(variant: str) -> None:
    """Told of their lifetime on a SotW stream, Envoy 1.40 crashes when it is over."""
    async with (
        control_plane() as plane,
        running_envoy(plane.port, "node", variant, NODE) as envoy,
    ):
        await plane.applied(eds_cluster("a"), mortal(endpoints("a", 80)))
        await plane.server.stop()
        await asyncio.sleep(1.5 * TTL)
        assert await envoy.stat("cluster.a.membership_total") == 1
        assert ENDPOINT in [event.type for event in plane.events.of(Acked)]
