"""What a real Envoy does with its connections."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from mesh_patterns.placement import Caller, call, inbound
from mini_mesh.ports import LOOPBACK
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEEPALIVE = 2  # of the kernel's timers of a connection
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
    bytes: {protocol: tcp}
    stream: {protocol: tcp}
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
- {pattern: connection_pool, on: bytes, idle_timeout: 200ms}
- {pattern: connection_pool, on: stream, max_connection_duration: 300ms}
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


async def test_a_socket_asks_after_its_other_end(mesh: Running) -> None:
    await one_by_one(mesh, "alive", 1)
    (service,) = [each for each in mesh.draft.mesh.instances() if each.service == "alive"]
    (timer,) = timers(mesh.placement.port(inbound(service)))
    assert timer[0] == KEEPALIVE
    assert 50 < timer[1] <= 60


def timers(port: int) -> list[tuple[int, float]]:
    """Of the connections to a port: which timer the kernel has set, and in how many seconds."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("/proc/net/tcp is not there")
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    found = [
        row[5].split(":") for row in rows if row[2].endswith(f":{port:04X}") and row[3] == "01"
    ]
    return [(int(kind, 16), int(ticks, 16) / os.sysconf("SC_CLK_TCK")) for kind, ticks in found]


async def lasted(mesh: Running, service: str, say: bool) -> float:
    """For how long a connection stays open."""
    port = mesh.placement.port(call(Caller("client", "client"), service))
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    start = time.monotonic()
    async with asyncio.timeout(5):
        while not reader.at_eof():
            if say:
                writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(65536), 0.05)
    writer.close()
    return time.monotonic() - start


async def test_a_connection_without_a_byte_is_closed(mesh: Running) -> None:
    assert 0.15 < await lasted(mesh, "bytes", say=False) < 2


async def test_a_connection_is_closed_after_its_time_whatever_it_says(mesh: Running) -> None:
    assert 0.25 < await lasted(mesh, "stream", say=True) < 2
