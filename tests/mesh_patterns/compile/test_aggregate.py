"""Other services take over, at a real Envoy."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mesh_patterns.placement import Caller, call
from mini_mesh.ports import LOOPBACK
from tests.mesh_patterns.conftest import Refusal
from tests.mesh_patterns.running import Running, running

scoped = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    web: {calls: [shop, secure]}
    shop: {versions: {v1: , v2: }}
    spare:
    secure:
    vault: {versions: {v1: , v2: }}
    bytes: {protocol: tcp}
    others: {protocol: tcp}
patterns:
- {pattern: mtls, on: vault}
- {pattern: mtls, on: secure}
- {pattern: failover, on: web -> shop, to: spare}
- {pattern: failover, on: web -> secure, to: [vault/v2, spare]}
- {pattern: failover, on: bytes, to: others}
- pattern: outlier_detection
  on: web -> shop
  consecutive_5xx: 1
  base_ejection_time: 60s
  max_ejection_percent: 100
- pattern: outlier_detection
  on: web -> secure
  consecutive_5xx: 1
  base_ejection_time: 60s
  max_ejection_percent: 100
- {pattern: outlier_detection, on: bytes}
- {pattern: retries, on: web -> shop, attempts: 3, retry_on: reset}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("aggregate")) as mesh:
        yield mesh


async def who(mesh: Running, to: str, count: int) -> Counter[str]:
    return Counter([(await mesh.get(to, caller="web")).instance for _ in range(count)])


async def fail(mesh: Running, to: str) -> None:
    """Whoever gets this is out, a moment later."""
    assert (await mesh.get(to, headers={"x-answer": "503"}, caller="web")).status == 503
    await asyncio.sleep(0.1)


@scoped
async def test_another_service_takes_what_the_first_can_not(mesh: Running) -> None:
    assert await who(mesh, "shop", 10) == {"shop-v1": 5, "shop-v2": 5}
    await fail(mesh, "shop")
    half = await who(mesh, "shop", 200)
    assert 110 <= 200 - half["spare"] <= 170  # one host of two keeps 70 % of the requests (4.6 σ)
    for _ in range(20):  # until it is the last host of its own that fails
        await fail(mesh, "shop")
    assert await who(mesh, "shop", 20) == {"spare": 20}


@scoped
async def test_the_aggregate_counts_the_answers_and_its_members_the_tries(mesh: Running) -> None:
    said = await mesh.stat("cluster.failover_web->secure.upstream_rq_completed")
    asked = await mesh.stat("cluster.web->secure.upstream_rq_total")
    assert (await mesh.get("secure", caller="web")).status == 200
    assert await mesh.stat("cluster.failover_web->secure.upstream_rq_completed") == said + 1
    assert await mesh.stat("cluster.web->secure.upstream_rq_total") == asked + 1
    assert await mesh.stat("cluster.web->secure.upstream_rq_completed") == 0


@scoped
async def test_each_is_asked_with_its_own_certificates(mesh: Running) -> None:
    assert await who(mesh, "secure", 2) == {"secure": 2}
    await fail(mesh, "secure")
    assert await who(mesh, "secure", 4) == {"vault-v2": 4}


@scoped
async def test_connections_find_their_way_as_well(mesh: Running) -> None:
    port = mesh.placement.port(call(Caller("client", "client"), "bytes"))
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert b"200" in await reader.readline()
    writer.close()


def test_what_is_not_the_same_can_not_take_over(refusal: Refusal) -> None:
    mesh = "mesh: {services: {a: {versions: {v1: , v2: }}, b: {protocol: grpc}}}\npatterns:\n"
    for to, told in (
        ("b", ": 'b' speaks grpc, and can't take over from 'a', which speaks http"),
        ("a/v2", ": 'a/v2' is of 'a' itself; that is an 'order' of versions"),
        ("c", ": no service 'c'"),
    ):
        assert told.partition(": ")[2] in refusal(f"{mesh}- {{pattern: failover, on: a, to: {to}}}")
