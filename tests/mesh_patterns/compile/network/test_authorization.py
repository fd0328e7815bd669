"""Authorization of connections in a real Envoy: nobody reads what is refused."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mesh_patterns.model import CLIENT, Instance
from mesh_patterns.placement import Caller, call, inbound
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    web: {calls: [secured, raw]}
    evil: {calls: [secured]}
    near:
    open:
    raw: {protocol: tcp}
    watched: {protocol: tcp}
    others: {protocol: tcp}
    named: {protocol: tls}
    secured:
patterns:
- {pattern: mtls, on: secured, mode: strict, trust_domain: shop}
- {pattern: authorization, on: near, layer: connection, deny: {ip_blocks: 127.0.0.1}}
- {pattern: authorization, on: open, layer: connection, allow: {ip_blocks: 127.0.0.0/8}}
- {pattern: authorization, on: raw, deny: {ip_blocks: 127.0.0.1}}
- {pattern: authorization, on: watched, deny: {ip_blocks: 127.0.0.1}, dry_run: true}
- {pattern: authorization, on: others, allow: {not: {ip_blocks: 10.0.0.0/8}}}
- {pattern: authorization, on: named, allow: {server_names: [{suffix: .shop.test}]}}
- pattern: authorization
  on: secured
  layer: connection
  allow: {from: web}
  deny: {principals: {suffix: /nobody}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("connections")) as mesh:
        await counted(mesh)
        yield mesh


async def counted(mesh: Running) -> int:
    """How many were refused, once what knocked at the start is counted as well."""
    found = await mesh.stat("connection.rbac.denied")
    await asyncio.sleep(0.05)
    now = await mesh.stat("connection.rbac.denied")
    return now if now == found else await counted(mesh)


async def connect(mesh: Running, to: str, source: str = "127.0.0.1") -> int:
    """The status that somebody without an Envoy gets at a workload's; 0: hung up on."""
    port = mesh.placement.port(inbound(Instance(to, "")))
    local = (source, 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    try:
        status = (await reader.read()).split(b" ")
    except ConnectionResetError:
        return 0
    finally:
        writer.close()
    return int(status[1]) if len(status) > 1 else 0


async def test_a_refused_connection_is_closed_and_the_workload_sees_none(mesh: Running) -> None:
    for to in ("near", "raw"):
        before = await counted(mesh)
        seen = [await connect(mesh, to) for _ in range(10)]
        assert seen == [0] * 10
        assert mesh.upstream.reached[to] == 0
        assert await counted(mesh) == before + 10


async def test_a_caller_with_an_envoy_gets_a_503_of_its_own(mesh: Running) -> None:
    answer = await mesh.get("near")
    assert answer.status == 503
    assert "connection termination" in answer.body


async def test_from_elsewhere_it_is_let_in(mesh: Running) -> None:
    assert [await connect(mesh, to) for to in ("open", "others")] == [200, 200]
    assert await connect(mesh, "near", "127.0.0.2") == 200


async def test_a_dry_run_counts_and_closes_nothing(mesh: Running) -> None:
    before = await mesh.stat("connection.rbac.shadow_denied")
    assert await connect(mesh, "watched") == 200
    assert await mesh.stat("connection.rbac.shadow_denied") == before + 1


async def test_a_caller_is_known_by_its_certificate(mesh: Running) -> None:
    assert (await mesh.get("secured", caller="web")).status == 200
    assert (await mesh.get("secured", caller="evil")).status == 503
    assert mesh.upstream.reached["secured"] == 1


@pytest.mark.parametrize(("name", "let_in"), [("a.shop.test", True), ("a.bank.test", False)])
async def test_whom_a_client_asks_for_decides(mesh: Running, name: str, let_in: bool) -> None:
    """The workload here speaks no TLS, so its answer to a handshake is an HTTP error."""
    context = ssl.create_default_context()
    port = mesh.placement.port(inbound(Instance("named", "")))
    before = await counted(mesh)
    with pytest.raises((ssl.SSLError, OSError)):
        await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    assert await counted(mesh) == before + (not let_in)


async def test_through_the_callers_envoy_a_refused_connection_is_closed_as_well(
    mesh: Running,
) -> None:
    port = mesh.placement.port(call(Caller(CLIENT, CLIENT), "raw"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
