"""What is neither HTTP nor gRPC, through real Envoys: who gets it, and what the client sees."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from mini_mesh.echo.spoken import SPOKEN
from mini_mesh.echo.streams import TLS
from mini_mesh.proving import counters
from tests.mini_mesh.live import Live, started

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  services:
    web: {calls: [db, cache, vault, calc], ingress: true}
    db: {protocol: tcp, versions: {v1: , v2: }, ingress: true}
    cache: {protocol: redis}
    vault: {protocol: tls, ingress: {hosts: [vault.example]}}
    safe: {protocol: tls, ingress: {hosts: [safe.example]}}
    calc: {protocol: thrift, versions: {v1: , v2: }}
patterns:
- {pattern: mtls, on: '*'}
- {pattern: canary, on: db, weights: {v1: 70, v2: 30}}
- {pattern: canary, on: calc, weights: {v1: 50, v2: 50}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    async with started(tmp_path_factory.mktemp("protocols"), MESH) as live:
        yield live


async def asked(url: str, protocol: str, question: str, name: str = "") -> str:
    """What the other end of ``url`` answers on a connection of its own."""
    where, client = urlsplit(url), trusting() if name else None
    reader, writer = await asyncio.open_connection(
        where.hostname, where.port, ssl=client, server_hostname=name or None
    )
    async with asyncio.timeout(5):
        writer.write(SPOKEN[protocol].question(question))
        received = b""
        while (said := SPOKEN[protocol].answered(received)) is None:
            data = await reader.read(4096)
            if not data:
                raise ConnectionError("closed")
            received += data
        writer.close()
        return said


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def stat(live: Live, node: str, name: str) -> int:
    url = f"http://{live.mesh.admins[node]}/stats?format=json&filter=^{name}$"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        found = (await response.json())["stats"]
    return int(found[0]["value"]) if found else 0


async def test_a_workload_reaches_what_speaks_any_protocol(live: Live) -> None:
    _, answer = await live.ask("web", "/hello")
    said = {call["service"]: call["answer"]["text"] for call in answer["calls"]}
    assert said["vault"] == "vault: /hello"
    assert said["cache"] == "cache"
    assert said["db"] in ("db v1: /hello", "db v2: /hello")
    assert said["calc"] in ("calc v1", "calc v2")


async def test_connections_are_shared_by_weight(live: Live) -> None:
    before = await counters.settled(live.mesh.plan, live.mesh.admins)
    said = Counter([await asked(live.url("db"), "tcp", "x") for _ in range(200)])
    after = await counters.settled(live.mesh.plan, live.mesh.admins)
    assert said["db v1: x"] + said["db v2: x"] == 200
    assert 34 <= said["db v2: x"] <= 86  # of 200 at 3 in 10: four standard deviations
    assert after["db-v2"] - before["db-v2"] == said["db v2: x"]


async def test_a_connection_stays_where_it_is(live: Live) -> None:
    where = urlsplit(live.url("db"))
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    said = set()
    for _ in range(20):
        writer.write(b"again\n")
        said.add(await reader.readline())
    writer.close()
    assert len(said) == 1


async def test_calls_of_thrift_are_shared_one_by_one(live: Live) -> None:
    where = urlsplit(live.url("calc"))
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    said: Counter[str | None] = Counter()
    for _ in range(100):
        writer.write(SPOKEN["thrift"].question("x"))
        size = await reader.readexactly(4)
        frame = await reader.readexactly(int.from_bytes(size))
        said[SPOKEN["thrift"].answered(size + frame)] += 1
    writer.close()
    assert 30 <= said["calc v1"] <= 70
    assert said["calc v1"] + said["calc v2"] == 100


async def test_envoy_counts_redis_by_command(live: Live) -> None:
    prefix = "redis.outbound-client-cache.command.get.total"
    before = await stat(live, "ingress", prefix)
    assert await asked(live.url("cache"), "redis", "nobody set this") == "cache"
    assert await stat(live, "ingress", prefix) == before + 1


async def test_tls_ends_at_the_workload_whose_certificate_the_client_sees(live: Live) -> None:
    seen = {}
    for name in ("vault", "safe"):
        ingress = live.mesh.state()["services"][name]["ingress"]
        seen[name] = await fingerprint(ingress, f"{name}.example")
        workload = live.mesh.state()["services"][name]["versions"][""]["workload"]
        assert seen[name] == await fingerprint(f"tls://{workload}", name)
    assert seen["vault"] != seen["safe"]


async def fingerprint(url: str, name: str) -> str:
    where = urlsplit(url)
    _, writer = await asyncio.open_connection(
        where.hostname, where.port, ssl=trusting(), server_hostname=name
    )
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return hashlib.sha256(certificate).hexdigest()


async def test_who_asks_for_a_name_that_nobody_has_is_turned_away_and_counted(live: Live) -> None:
    ingress = live.mesh.state()["services"]["vault"]["ingress"]
    port = urlsplit(ingress).port
    name = f"listener.127.0.0.1_{port}.no_filter_chain_match"
    before = await stat(live, "ingress", name)
    with pytest.raises((ConnectionError, ssl.SSLError)):
        await asked(ingress, TLS, "x", name="else.example")
    assert await stat(live, "ingress", name) == before + 1


async def test_breakpoints_do_not_wait_for_an_envoy_that_sees_no_requests(live: Live) -> None:
    from xds_server.resource import ResourceType

    assert live.mesh.control.standing("db-v1", ResourceType.EXTENSION_CONFIG) == ""
