"""What a real Envoy does with its connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mesh_patterns.placement import Caller, call, workload
from mini_mesh.ports import LOOPBACK
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    page: {calls: [plain]}
    plain:
    few:
    idle:
    aged:
    two:
    streams:
    same:
    alive:
patterns:
- {pattern: connection_pool, on: few, max_requests_per_connection: 5}
- {pattern: connection_pool, on: idle, idle_timeout: 200ms}
- {pattern: connection_pool, on: aged, max_connection_duration: 200ms}
- {pattern: connection_pool, on: two, protocol: http2, ping: {interval: 50ms, timeout: 1s}}
- {pattern: connection_pool, on: streams, protocol: http2, max_concurrent_streams: 2}
- {pattern: connection_pool, on: same, protocol: downstream}
- pattern: connection_pool
  on: alive
  connect_timeout: 1s
  tcp_keepalive: {idle: 60s, interval: 10s, probes: 3}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("pool")) as mesh:
        yield mesh


async def made(mesh: Running, service: str, what: str = "total") -> int:
    """How many connections there have been to a service."""
    return await mesh.stat(f"cluster.client->{service}.upstream_cx_{what}")


async def one_by_one(mesh: Running, service: str, count: int, pause: float = 0) -> None:
    for _ in range(count):
        assert (await mesh.get(service)).status == 200
        await asyncio.sleep(pause)


async def at_once(mesh: Running, service: str, count: int) -> None:
    slow = {"x-wait": "0.2"}
    answers = await asyncio.gather(*(mesh.get(service, headers=slow) for _ in range(count)))
    assert {each.status for each in answers} == {200}


async def test_a_connection_serves_so_many_requests(mesh: Running) -> None:
    await one_by_one(mesh, "few", 20)
    assert await made(mesh, "few") == 4
    assert await made(mesh, "few", "max_requests") == 4


async def test_an_idle_connection_is_closed(mesh: Running) -> None:
    await one_by_one(mesh, "idle", 2, pause=0.5)
    assert await made(mesh, "idle") == await made(mesh, "idle", "idle_timeout") == 2


async def test_an_old_connection_is_left(mesh: Running) -> None:
    await one_by_one(mesh, "aged", 6, pause=0.1)
    assert await made(mesh, "aged", "max_duration_reached") >= 2
    assert 2 <= await made(mesh, "aged") <= 4


async def test_one_connection_of_http2_is_enough(mesh: Running) -> None:
    await one_by_one(mesh, "two", 1)
    await at_once(mesh, "two", 10)
    await asyncio.sleep(0.2)
    assert await made(mesh, "two", "http2_total") == await made(mesh, "two") == 1
    assert await mesh.stat("cluster.client->two.http2.keepalive_timeout") == 0


async def test_of_http2_each_connection_has_so_many_streams(mesh: Running) -> None:
    await at_once(mesh, "streams", 6)
    assert await made(mesh, "streams", "http2_total") == 3


async def test_who_asks_by_http1_is_handed_on_by_http1(mesh: Running) -> None:
    await one_by_one(mesh, "same", 3)
    assert (await made(mesh, "same", "http1_total"), await made(mesh, "same", "http2_total")) == (
        1,
        0,
    )


async def test_what_is_set_of_sockets_changes_nothing_else(mesh: Running) -> None:
    await one_by_one(mesh, "alive", 5)
    assert await made(mesh, "alive", "http1_total") == 1
