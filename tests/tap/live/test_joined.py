"""The tap and the access log of a real Envoy, joined: one exchange of what both saw."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from mesh_traffic import Exchange
from tap.language.match import compile_match
from tap.live.coverage import Coverage
from tap.live.hub import Hub
from tap.live.viewer import Wish
from tap.sources.access_log import access_logs
from tap.traces.request import TapRequest
from tests.tap.watched import ask, attached, shown, watching_both

BOTH = ("tap", "access log")


async def test_an_exchange_has_the_taps_bodies_and_the_logs_route(envoy: Any) -> None:
    async with watching_both(envoy) as (_, viewer):
        await ask(envoy.outbound, "/reviews", "POST", data=b"hello", headers={"x-plan": "team"})
        exchange = await shown(viewer)
    assert exchange.sources == BOTH
    assert exchange.request.body.data == b"hello"
    assert exchange.request.headers.get("x-plan") == "team"
    assert (exchange.cluster, exchange.attempts, exchange.details) == (
        "upstream",
        1,
        "via_upstream",
    )
    assert (str(exchange.source), str(exchange.destination)) == ("productpage", "reviews v2")
    timing, ended = exchange.timing, exchange.timing.ended
    assert None not in (timing.asked, timing.sent, timing.answered, ended, exchange.duration)
    assert (timing.sent or 0) < (timing.answered or 0) < (ended or 0) <= (exchange.duration or 0)


async def test_tries_flags_and_route_are_told(envoy: Any) -> None:
    async with watching_both(envoy) as (_, viewer):
        await ask(envoy.outbound, "/err/again")
        again = await shown(viewer)
        await ask(envoy.outbound, "/no-host")
        nowhere = await shown(viewer)
    assert (again.route, again.attempts, again.flags) == ("flaky", 3, ("URX",))
    assert again.request.path == "/err/again"  # as it came in; the trace has what was rewritten
    assert (nowhere.flags, nowhere.details) == (("UH",), "no_healthy_upstream")


async def test_requests_side_by_side_keep_to_their_own_halves(envoy: Any) -> None:
    count = 60
    async with watching_both(envoy) as (hub, viewer):
        async with aiohttp.ClientSession() as session:

            async def one(number: int) -> None:
                url = f"http://127.0.0.1:{envoy.outbound}/reviews/{number}"
                body = f"body {number}".encode()
                async with session.post(url, data=body) as answer:
                    await answer.read()

            await asyncio.gather(*map(one, range(count)))
        exchanges = [await shown(viewer) for _ in range(count)]
        assert hub.coverage().lost == 0
    for exchange in exchanges:
        assert exchange.sources == BOTH
        number = exchange.request.path.removeprefix("/reviews/")
        assert exchange.request.body.text == f"body {number}"
        assert exchange.response is not None
        assert exchange.response.body.text.endswith(f"body {number}")
    assert len({exchange.id for exchange in exchanges}) == count


async def test_a_client_that_leaves_is_told_by_both(envoy: Any) -> None:
    async with watching_both(envoy) as (_, viewer):
        with pytest.raises(asyncio.TimeoutError):
            await ask(envoy.outbound, "/held", timeout=aiohttp.ClientTimeout(total=0.1))
        exchange = await shown(viewer)
    assert (exchange.response, exchange.flags, exchange.sources) == (None, ("DC",), BOTH)


async def test_without_a_viewer_the_log_goes_on_and_is_kept(envoy: Any) -> None:
    kept: asyncio.Queue[list[Exchange]] = asyncio.Queue()
    hub = Hub([envoy.target], envoy.topology, logged=True, keep=kept.put_nowait)
    async with hub.running(), access_logs(envoy.captures, hub.open_log):
        await ask(envoy.outbound, "/reviews", "POST", data=b"12345")
        (exchange,) = await asyncio.wait_for(kept.get(), 5)
    assert exchange.sources == ("access log",)
    assert (exchange.request.method, exchange.request.path) == ("POST", "/reviews")
    body = exchange.request.body
    assert (body.data, body.size, body.truncated) == (b"", 5, True)
    assert exchange.response is not None
    assert exchange.response.status == 200


async def test_requests_that_began_before_the_tap_come_as_summaries(envoy: Any) -> None:
    hub = Hub([envoy.target], envoy.topology, logged=True)
    async with hub.running(), access_logs(envoy.captures, hub.open_log):
        early = asyncio.create_task(ask(envoy.outbound, "/hold"))  # answered after 0.1 s
        await asyncio.sleep(0.05)
        with hub.watch() as viewer:
            await attached(viewer)
            await early
            exchange = await shown(viewer)
    assert exchange.request.path == "/hold"
    assert exchange.sources == ("access log",)


async def test_only_the_owner_can_open_the_socket(envoy: Any) -> None:
    hub = Hub()
    async with access_logs(envoy.captures, hub.open_log):
        assert envoy.captures.stat().st_mode & 0o777 == 0o600
    assert not envoy.captures.exists()


async def test_who_is_content_with_summaries_costs_no_tap(envoy: Any) -> None:
    hub = Hub([envoy.target], envoy.topology, logged=True)
    async with hub.running(), access_logs(envoy.captures, hub.open_log):
        with hub.watch(compile_match("status >= 500"), Wish(tap=False)) as viewer:
            told = await viewer.next()
            assert isinstance(told, Coverage)
            assert (told.watching, hub.coverage().watching) == (1, 0)
            await ask(envoy.outbound, "/reviews")
            await ask(envoy.outbound, "/err")
            exchange = await shown(viewer)
    assert (exchange.request.path, exchange.sources) == ("/err", ("access log",))


async def test_entries_that_nobody_took_are_found_missing(
    envoy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap.live.hub.AUDIT_EVERY", 0.2)
    hub = Hub([envoy.target], envoy.topology, logged=True)
    async with hub.running():
        async with access_logs(envoy.captures, hub.open_log):
            with hub.watch() as viewer:
                await attached(viewer)
                await asyncio.sleep(0.3)
        for _ in range(7):  # Envoy counts them as flushed
            await ask(envoy.outbound, "/reviews")
        await asyncio.sleep(0.1)  # the last of them is sent off, to nobody
        async with access_logs(envoy.captures, hub.open_log):
            with hub.watch() as viewer:
                await attached(viewer)
                for _ in range(3):
                    await ask(envoy.outbound, "/reviews")
                await asyncio.sleep(0.8)
                assert hub.coverage().lost == 7
                assert viewer.coverage().seen == 3


async def test_streamed_traces_join_without_an_address(envoy: Any) -> None:
    async with watching_both(envoy, request=TapRequest(streamed=True)) as (hub, viewer):
        await asyncio.gather(*(ask(envoy.outbound, f"/{n}", "POST", data=f"{n}") for n in range(5)))
        found = [await shown(viewer) for _ in range(5)]
        assert {one.sources for one in found} == {BOTH}
        assert {one.request.path: one.request.body.text for one in found} == {
            f"/{n}": f"{n}" for n in range(5)
        }
        assert {(one.direction, one.service) for one in found} == {("outbound", "reviews")}
        assert hub.waiting == 0
