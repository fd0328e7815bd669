"""Polling by JSON, from a living Envoy and from clients that send something else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.xds_server.playbook import a_cluster, an_assignment, snapshot
from tests.xds_server.real_envoy import running_envoy
from tests.xds_server.resources import answering, rds_listener
from xds_server.cache import Cache
from xds_server.protos import core
from xds_server.serving import rest
from xds_server.snapshot import Snapshot


@asynccontextmanager
async def serving(cache: Cache) -> AsyncIterator[int]:
    runner = web.AppRunner(rest.application(cache))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def ask(port: int, noun: str, body: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{port}/v3/discovery:{noun}"
    async with aiohttp.ClientSession() as http, http.post(url, data=body) as response:
        return response.status, await response.text()


async def test_what_a_client_holds_already_is_not_sent_again() -> None:
    cache = Cache()
    cache.set("node", snapshot(an_assignment("a"), an_assignment("b")))
    wanted: dict[str, Any] = {"node": {"id": "node"}, "resource_names": ["a"]}
    async with serving(cache) as port:
        status, text = await ask(port, "endpoints", json.dumps(wanted))
        answer = json.loads(text)
        assert status == 200
        assert [each["cluster_name"] for each in answer["resources"]] == ["a"]
        wanted["version_info"] = answer["version_info"]
        assert await ask(port, "endpoints", json.dumps(wanted)) == (304, "")
        cache.set("node", snapshot(an_assignment("a"), an_assignment("b", priority=1)))
        assert await ask(port, "endpoints", json.dumps(wanted)) == (304, "")
        cache.set("node", snapshot(an_assignment("a", priority=1)))
        assert (await ask(port, "endpoints", json.dumps(wanted)))[0] == 200


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("{", 400, "1 bytes are no DiscoveryRequest with a node"),
        ("[]", 400, "2 bytes are no DiscoveryRequest with a node"),
        ('{"node": {}}', 400, "12 bytes are no DiscoveryRequest with a node"),
        (
            '{"node": {"id": "node"}, "type_url": "other"}',
            400,
            "requests of Cluster: got one of 'other'",
        ),
        ('{"node": {"id": "nobody"}}', 503, "there is no snapshot for this node"),
    ],
)
async def test_a_bad_request_is_told_so(body: str, status: int, told: str) -> None:
    cache = Cache()
    cache.set("node", snapshot(a_cluster("a")))
    async with serving(cache) as port:
        assert await ask(port, "clusters", body) == (status, told)
        assert (await ask(port, "clusters", '{"node": {"id": "node"}}'))[0] == 200


async def test_an_envoy_that_polls_is_served_and_takes_a_change() -> None:
    api = {
        "api_type": "REST",
        "transport_api_version": "V3",
        "cluster_names": ["xds"],
        "refresh_delay": "0.05s",
    }
    source = {"api_config_source": api, "resource_api_version": "V3"}
    polled = core.ConfigSource(
        api_config_source=core.ApiConfigSource(
            api_type=core.ApiConfigSourceApiType.REST,
            transport_api_version=core.ApiVersion.V3,
            cluster_names=["xds"],
            refresh_delay=timedelta(seconds=0.05),
        ),
        resource_api_version=core.ApiVersion.V3,
    )
    cache = Cache()
    cache.set("node", Snapshot.of([rds_listener(source=polled), answering("one")]))
    async with serving(cache) as port:
        address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
        host = {"lb_endpoints": [{"endpoint": {"address": address}}]}
        hosts = {"cluster_name": "xds", "endpoints": [host]}
        xds = {"name": "xds", "type": "STATIC", "load_assignment": hosts}
        more = {
            "dynamic_resources": {"cds_config": source, "lds_config": source},
            "static_resources": {"clusters": [xds]},
        }
        async with running_envoy(1, "node", "SotW", more) as envoy:
            await envoy.until_admin()
            await envoy.until_listening()
            await envoy.until_served("one")
            cache.set("node", Snapshot.of([rds_listener(source=polled), answering("two")]))
            await envoy.until_served("two")
            assert await envoy.stat("listener_manager.lds.update_rejected") == 0


def test_what_comes_over_ads_is_polled_for() -> None:
    ads = {"ads": {}, "resource_api_version": "V3"}
    told = {"rds": [{"config_source": ads, "route_config_name": "ads"}], "ads": {}, "name": "a"}
    api = {
        "api_type": "REST",
        "transport_api_version": "V3",
        "cluster_names": ["plane"],
        "refresh_delay": "0.5s",
    }
    polled = {"api_config_source": api, "resource_api_version": "V3"}
    assert rest.Polling("plane", 0.5).instead_of_ads(told) == {
        "rds": [{"config_source": polled, "route_config_name": "ads"}],
        "ads": {},  # no config source: it has a name
        "name": "a",
    }
