"""The hub against a real Envoy: who sees what, and what is told when nothing can be seen."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tap.language.match import compile_match
from tap.live.coverage import Coverage, SourceCount
from tap.live.hub import MAX_VIEWERS, Hub, HubError, TapTarget
from tap.live.viewer import Wish
from tap.topology import Topology
from tap.traces.request import TapRequest
from tests.tap.watched import ask, attached, shown, watching


async def test_a_request_is_seen_with_its_source_and_destination(envoy: Any) -> None:
    async with watching(envoy) as (_, viewer):
        assert await ask(envoy.outbound, "/reviews/1?x=1", headers={"x-plan": "team"}) == 200
        exchange = await shown(viewer)
    assert (exchange.id, exchange.node, exchange.direction) == ("0001", "productpage", "outbound")
    assert (str(exchange.source), str(exchange.destination)) == ("productpage", "reviews v2")
    assert exchange.destination.address == f"127.0.0.1:{envoy.upstream}"
    assert (exchange.request.method, exchange.request.path) == ("GET", "/reviews/1?x=1")
    assert exchange.request.headers.get("x-plan") == "team"
    assert len(exchange.request_id) == 36
    assert exchange.response is not None
    assert exchange.response.status == 200
    assert exchange.duration is not None
    assert 0 < exchange.duration < 5
    assert exchange.flags == ()


async def test_one_config_id_taps_every_listener_and_the_trace_tells_which(envoy: Any) -> None:
    async with watching(envoy) as (_, viewer):
        await ask(envoy.inbound, "/in")
        await ask(envoy.outbound, "/out")
        first, second = await shown(viewer), await shown(viewer)
    assert (first.request.path, first.direction) == ("/in", "inbound")
    assert (first.source.service, first.destination.service) == ("", "reviews")
    assert (second.request.path, second.direction) == ("/out", "outbound")


async def test_bodies_are_kept_up_to_the_bound_and_say_so(envoy: Any) -> None:
    request = TapRequest(request_body=10, response_body=100)
    async with watching(envoy, request=request) as (_, viewer):
        await ask(envoy.outbound, "/big", "POST", data=b"0123456789 and more")
        exchange = await shown(viewer)
    assert exchange.response is not None
    sent, got = exchange.request.body, exchange.response.body
    assert (sent.data, sent.truncated, sent.size) == (b"0123456789", True, 19)
    assert (got.data, got.truncated, got.size) == (b"x" * 100, True, 20_000)


async def test_a_whole_body_is_there_byte_for_byte(envoy: Any) -> None:
    async with watching(envoy) as (_, viewer):
        await ask(envoy.outbound, "/reviews", "POST", data=b"caf\xc3\xa9 \x00\xff")
        exchange = await shown(viewer)
    assert (exchange.request.body.data, exchange.request.body.size) == (b"caf\xc3\xa9 \x00\xff", 8)
    assert exchange.request.body.truncated is False


async def test_a_client_that_leaves_makes_an_exchange_without_response(envoy: Any) -> None:
    async with watching(envoy) as (_, viewer):
        with pytest.raises(asyncio.TimeoutError):
            await ask(envoy.outbound, "/held", timeout=aiohttp.ClientTimeout(total=0.1))
        exchange = await shown(viewer)
    assert exchange.response is None
    assert exchange.duration is None


async def test_bytes_that_are_no_request_are_seen_with_envoys_answer(envoy: Any) -> None:
    async with watching(envoy) as (_, viewer):
        reader, writer = await asyncio.open_connection("127.0.0.1", envoy.outbound)
        writer.write(b"nonsense\r\n\r\n")
        await reader.read(1)
        writer.close()
        exchange = await shown(viewer)
    assert exchange.request.method == ""
    assert exchange.response is not None
    assert exchange.response.status == 400


async def test_two_viewers_share_one_tap_and_each_filter_is_its_own(envoy: Any) -> None:
    async with watching(envoy, "~m POST") as (hub, posts):
        with hub.watch(compile_match("status >= 500"), Wish(bodies=False)) as errors:
            await attached(errors)
            await ask(envoy.outbound, "/a")
            await ask(envoy.outbound, "/b", "POST", data=b"b")
            await ask(envoy.outbound, "/err")
            assert (await shown(posts)).request.body.data == b"b"
            error = await shown(errors)
            assert error.request.path == "/err"
            assert error.response is not None
            assert (error.response.body.data, error.response.body.truncated) == (b"", True)
        await ask(envoy.outbound, "/c", "POST")
        assert (await shown(posts)).request.path == "/c"
    assert posts.coverage() == Coverage(0, 1, seen=4, shown=2, sources={"tap": SourceCount(4)})
    assert (errors.coverage().seen, errors.coverage().shown) == (3, 1)


async def test_nobody_is_tapped_while_nobody_watches(envoy: Any) -> None:
    hub = Hub([envoy.target], envoy.topology)
    async with hub.running():
        assert hub.coverage() == Coverage(watching=0, targets=1)
        for _ in range(3):
            with hub.watch() as viewer:
                await attached(viewer)
        async with watching(envoy):  # the session is free again for somebody else
            assert hub.coverage().watching == 0


async def test_a_second_session_is_refused_with_a_reason_and_waits_its_turn(envoy: Any) -> None:
    second = Hub([envoy.target], envoy.topology)
    async with second.running():
        async with watching(envoy):
            with second.watch() as viewer:
                await viewer.next()
                refused = await viewer.next()
        assert isinstance(refused, Coverage)
        assert refused.watching == 0
        assert refused.notes == ("productpage: another tap session holds it, and Envoy allows one",)
        with second.watch() as viewer:
            await attached(viewer)


async def test_a_killed_envoy_is_told_and_watched_again_after_its_restart(envoy: Any) -> None:
    async with watching(envoy) as (hub, viewer):
        await ask(envoy.outbound, "/before")
        assert (await shown(viewer)).request.path == "/before"
        envoy.kill()
        lost = await viewer.next()
        assert isinstance(lost, Coverage)
        assert lost.notes == ("productpage: its connection was lost",)
        envoy.start()
        await hub.update([envoy.target], envoy.topology)
        await attached(viewer)
        await ask(envoy.outbound, "/after")
        assert (await shown(viewer)).request.path == "/after"


async def test_an_envoy_that_leaves_the_mesh_is_let_go(envoy: Any) -> None:
    async with watching(envoy) as (hub, viewer):
        await hub.update([], Topology())
        assert await viewer.next() == Coverage(0, 0)
        async with watching(envoy):
            pass


async def test_an_admin_address_where_nothing_listens_is_named(unused_tcp_port: int) -> None:
    hub = Hub([TapTarget("gone", f"127.0.0.1:{unused_tcp_port}")])
    async with hub.running():
        with hub.watch() as viewer:
            await viewer.next()
            event = await viewer.next()
    assert isinstance(event, Coverage)
    assert event.notes == (
        f"gone: nothing listens at its admin address 127.0.0.1:{unused_tcp_port}",
    )


async def test_streamed_segments_come_before_the_response_and_end_with_it(envoy: Any) -> None:
    async with watching(envoy, request=TapRequest(streamed=True)) as (_, viewer):
        await ask(envoy.outbound, "/a", "POST", data=b"hello", headers={"x-n": "1"})
        exchange = await shown(viewer)
    assert exchange.request.body.data == b"hello"
    assert exchange.response is not None
    assert exchange.response.status == 200
    assert exchange.response.body.size == len(exchange.response.body.data) > 0
    assert exchange.direction == ""  # no segment tells the listener


async def test_the_65th_viewer_is_refused() -> None:
    hub = Hub()
    views = [hub.watch() for _ in range(MAX_VIEWERS)]
    for view in views:
        view.__enter__()
    with pytest.raises(HubError, match="64 viewers are watching already"), hub.watch():
        pass
    views[0].__exit__(None, None, None)
    with hub.watch():
        pass


async def test_what_the_store_could_not_take_is_told_since_a_viewer_came() -> None:
    missing = [5]
    hub = Hub(not_kept=lambda: missing[0])
    async with hub.running():
        with hub.watch() as viewer:
            missing[0] = 7
            assert viewer.coverage().not_stored == 2
