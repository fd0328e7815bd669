"""Requests that a real Envoy tells of by ext_proc."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from mesh_patterns.compile.ext_proc import extension
from tap.ext_proc.collect import MAX_BODY
from tests.tap.processed import Tapped, tapped, watch
from tests.tap.watched import ask, attached, shown
from xds_server.resource import ResourceType

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOTH = ("ext_proc", "access log")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def one(
    envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Tapped]:
    async with tapped(envoy_binary, tmp_path_factory.mktemp("processed")) as running:
        yield running


async def test_bodies_come_whole_and_the_route_from_the_log(one: Tapped) -> None:
    async with one.watching() as (_, viewer):
        await ask(one.envoy.outbound, "/big", "POST", data=b"x" * 50_000)
        exchange = await shown(viewer)
    assert exchange.sources == BOTH
    assert exchange.request.body.data == b"x" * 50_000
    assert exchange.response is not None
    assert exchange.response.body.data == b"y" * 200_000
    assert not exchange.response.body.truncated
    assert (exchange.cluster, exchange.direction, exchange.attempts) == ("upstream", "outbound", 1)
    assert (str(exchange.source), str(exchange.destination)) == ("productpage", "reviews v2")


async def test_of_a_body_beyond_the_bound_the_beginning_is_kept_and_its_size_known(
    one: Tapped,
) -> None:
    async with one.watching() as (_, viewer):
        await ask(one.envoy.outbound, "/x", "POST", data=BytesIO(b"x" * (MAX_BODY + 5)))
        body = (await shown(viewer)).request.body
    assert (len(body.data), body.truncated, body.size) == (MAX_BODY, True, MAX_BODY + 5)


async def test_trailers_are_told(one: Tapped) -> None:
    async with one.watching() as (_, viewer):
        await ask(one.envoy.outbound, "/trailers")
        response = (await shown(viewer)).response
    assert response is not None
    assert (response.body.data, response.trailers.get("x-end")) == (b"hello", "yes")


async def test_what_a_client_claims_of_its_address_does_not_part_the_halves(one: Tapped) -> None:
    async with one.watching() as (_, viewer):
        await ask(one.envoy.outbound, "/x", headers={"x-forwarded-for": "192.0.2.7"})
        exchange = await shown(viewer)
    assert exchange.sources == BOTH
    assert exchange.source.address.startswith("127.0.0.1:")


async def test_of_a_client_that_leaves_the_log_tells_long_before_envoy_ends_the_stream(
    one: Tapped,
) -> None:
    async with one.watching() as (hub, viewer):
        left = aiohttp.ClientTimeout(total=0.1)
        with pytest.raises(asyncio.TimeoutError):
            await ask(one.envoy.outbound, "/held", "POST", data=b"hello", timeout=left)
        begun = time.monotonic()
        exchange = await shown(viewer)
        assert time.monotonic() - begun < 1
        assert hub.coverage().lost == 0
    assert (exchange.sources, exchange.flags, exchange.response) == (BOTH, ("DC",), None)
    assert exchange.request.body.data == b"hello"


async def test_an_answer_that_breaks_off_is_shown_as_far_as_it_came(one: Tapped) -> None:
    async with one.watching() as (_, viewer):
        with pytest.raises(aiohttp.ClientPayloadError):
            await ask(one.envoy.outbound, "/breaks")
        exchange = await shown(viewer)
    assert exchange.sources == BOTH
    assert exchange.response is not None
    assert exchange.response.body.data == b"part"


async def test_requests_with_one_id_on_one_connection_keep_to_their_own_halves(
    one: Tapped,
) -> None:
    fixed = {"x-request-id": "always-the-same"}
    async with one.watching() as (_, viewer), aiohttp.ClientSession(headers=fixed) as session:
        for path in ("/a", "/held"):
            url = f"http://127.0.0.1:{one.envoy.outbound}{path}"
            async with session.get(url) as answer:
                await answer.read()
        found = [await shown(viewer) for _ in range(2)]
    assert [each.request.path for each in found] == ["/a", "/held"]
    assert [each.sources for each in found] == [BOTH, BOTH]
    assert [each.response and each.response.body.data for each in found] == [b"got 0", b"got 0"]


async def test_bytes_that_are_no_request_are_told_as_such(one: Tapped) -> None:
    async with one.watching() as (_, viewer):
        reader, writer = await asyncio.open_connection("127.0.0.1", one.envoy.outbound)
        writer.write(b"JUNK\r\n\r\n")
        await reader.read()
        writer.close()
        exchange = await shown(viewer)
    assert exchange.status == 400


class Client:
    """One connection that stays open."""

    def __init__(self, port: int) -> None:
        connector = aiohttp.TCPConnector(limit=1, keepalive_timeout=60)
        self.session = aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.session.close()

    async def ask(self, path: str, method: str = "GET") -> int:
        async with self.session.request(method, path) as answer:
            await answer.read()
            return answer.status


async def test_viewers_switch_it_on_and_off_on_a_connection_that_stays(one: Tapped) -> None:
    async with one.hub() as hub, Client(one.envoy.outbound) as client:
        await client.ask("/before")
        before = await began(one)
        connections = await one.envoy.stat("http.outbound.downstream_cx_total")
        for number in range(3):
            with watch(hub) as viewer:
                await attached(viewer)
                await client.ask(f"/watched/{number}")
                while (exchange := await shown(viewer)).request.path == "/unwatched":
                    pass  # its log's entry came late
                assert (exchange.request.path, exchange.sources) == (f"/watched/{number}", BOTH)
            await off(one)
            await client.ask("/unwatched")
        assert await began(one) == before + 3
        assert await one.envoy.stat("http.outbound.downstream_cx_total") == connections
        assert await one.envoy.stat("total_listeners_draining") == 0


async def test_only_what_some_viewer_wants_is_told(one: Tapped) -> None:
    async with one.hub() as hub, Client(one.envoy.outbound) as client:
        with watch(hub, "method == POST | path == /a & status < 500") as first:
            await attached(first)
            before = await began(one)
            for method, path in (("GET", "/"), ("POST", "/"), ("GET", "/a"), ("GET", "/b")):
                await client.ask(path, method)
            assert await began(one) == before + 2
            assert [(await shown(first)).request.path for _ in range(2)] == ["/", "/a"]
            with watch(hub, "path == /b") as second:
                await attached(second)
                await client.ask("/b")
                await client.ask("/c")
                assert await began(one) == before + 3
                assert (await shown(second)).sources == BOTH
            assert first.coverage().lost == 0


async def test_a_rule_of_the_answer_lets_all_through(one: Tapped) -> None:
    async with one.watching("status >= 500") as (_, viewer):
        before = await began(one)
        await ask(one.envoy.outbound, "/fine")
        await ask(one.envoy.outbound, "/fault")
        assert (await shown(viewer)).request.path == "/fault"
        assert await began(one) == before + 2


async def test_the_death_of_who_captures_harms_no_request(one: Tapped) -> None:
    async with Client(one.envoy.outbound) as client:
        async with one.watching():
            held = asyncio.ensure_future(client.ask("/held"))
            await asyncio.sleep(0.2)
        one.control.publish("productpage", extension("productpage", True))  # nobody switched it off
        await taken(one)
        assert await held == 200
        assert [await client.ask("/x") for _ in range(20)] == [200] * 20
    one.control.publish("productpage", extension("productpage"))
    await taken(one)


async def began(one: Tapped) -> int:
    """Requests of which it began to tell, or would have."""
    return await one.envoy.stat("ext_proc.meshloom.streams_started")


async def off(one: Tapped) -> None:
    await asyncio.sleep(0.02)
    await taken(one)


async def taken(one: Tapped) -> None:
    """Until it goes by what it was told last."""
    async with asyncio.timeout(5):
        while True:
            changed = one.control.changed()
            if not one.control.standing("productpage", ResourceType.EXTENSION_CONFIG):
                return
            await changed.wait()


async def flat_out(port: int, seconds: float) -> int:
    """As fast as 16 connections go; how many requests that were."""
    end, count = time.monotonic() + seconds, 0

    async def each() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < end:
            writer.write(b"GET /no-host HTTP/1.1\r\nhost: tests\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r")[0]))
            count += 1
        writer.close()

    await asyncio.gather(*(each() for _ in range(16)))
    return count


async def test_flat_out_each_request_is_seen_or_counted_as_lost(
    envoy_binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a log, whose entries would be seen whatever happens to the captures."""
    monkeypatch.setattr("tap.live.hub.AUDIT_EVERY", 0.1)
    async with (
        tapped(envoy_binary, tmp_path, at_a_time=8) as one,
        one.watching(logged=False) as (_, viewer),
    ):
        await ask(one.envoy.outbound, "/first")  # its connection to us is there from here on
        await asyncio.sleep(0.3)  # the first look at its counters
        asked = 1 + await flat_out(one.envoy.outbound, 1.0)
        async with asyncio.timeout(15):
            while viewer.coverage().seen + viewer.coverage().lost < asked:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        coverage = viewer.coverage()
        overflown = await one.envoy.stat("ext_proc.upstream_rq_active_overflow")
    assert 0 < overflown <= coverage.lost  # the rest came too late
    assert coverage.seen + coverage.lost == asked


async def test_flat_out_with_a_log_no_request_is_unseen(one: Tapped) -> None:
    async with one.watching() as (_, viewer):
        asked = await flat_out(one.envoy.outbound, 1.0)
        async with asyncio.timeout(15):
            while viewer.coverage().seen < asked:  # noqa: ASYNC110 (nobody tells of it)
                await asyncio.sleep(0.05)
        await asyncio.sleep(2.2)  # two looks at its counters, and the last halves
        coverage = viewer.coverage()
    assert coverage.seen == asked
    assert coverage.reduced == coverage.lost  # of these, there is the log's half
