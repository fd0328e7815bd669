"""Limits of connections, as drafts and before a real Envoy's workload."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.placement import Placement
from mesh_patterns.policy import ConnectionLimit
from mini_mesh.ports import LOOPBACK
from tests.mesh_patterns.conftest import Read, Refusal
from tests.mesh_patterns.running import Running, running
from xds_server.resource import ResourceType

MESH = "mesh: {dataplane: node, services: {page: {calls: [web]}, web: }}\npatterns:\n"
LIMIT = "- {pattern: connection_limit, on: web, connections: 3}\n"


def test_a_limit_stands_before_the_workload(read: Read) -> None:
    (limit,) = read(MESH + LIMIT).filters
    assert (limit.layer, limit.config) == ("network", ConnectionLimit(3))


def test_a_caller_has_no_such_limit(refusal: Refusal) -> None:
    text = "- {pattern: connection_limit, on: page -> web, connections: 3}"
    assert refusal(MESH + text).startswith(
        "3:35: a limit of connections is of a workload, got 'page -> web'; name the service"
    )


@pytest.mark.parametrize("wrong", ["connections: 0", "connections: 4294967296", "delay: 1s"])
def test_what_no_limit_can_be_is_refused(refusal: Refusal, wrong: str) -> None:
    assert refusal(f"{MESH}- {{pattern: connection_limit, on: web, {wrong}}}")


@pytest.mark.asyncio
async def test_one_connection_too_many_is_closed_and_the_others_go_on(tmp_path: Path) -> None:
    async with running(MESH + LIMIT, tmp_path) as mesh:
        port = mesh.placement.port("inbound:web")
        await _until_closed(mesh)
        statuses = await asyncio.gather(*(_status(port) for _ in range(10)))
        assert sorted(statuses, key=str) == [200] * 3 + [None] * 7
        assert await mesh.stat("connection_limit.meshloom.limited_connections") >= 7


async def _until_closed(mesh: Running) -> None:
    """Those connections by which it was seen that somebody listens."""
    open_ = "connection_limit.meshloom.active_connections"
    while await mesh.stat(open_):  # noqa: ASYNC110 # Envoy tells nobody
        await asyncio.sleep(0.01)


async def _status(port: int) -> int | None:
    """Of a request on a connection of its own, which stays open for a while; None: closed."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(b"GET / HTTP/1.1\r\nhost: web\r\nx-wait: 0.5\r\n\r\n")
            await writer.drain()
            line = await reader.readline()
            return int(line.split()[1]) if line else None
        return None
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def test_a_refused_limit_leads_back_to_its_line(read: Read) -> None:
    draft = read(MESH + LIMIT)
    (snapshot,) = compile_mesh(draft, Placement.imagined(draft.mesh)).values()
    made = snapshot.resources(ResourceType.LISTENER)["inbound-web"]
    place = made.place_of("filter_chains[0].filters[0].typed_config.max_connections")
    assert str(place).endswith(":3:3")
