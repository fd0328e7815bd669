"""Spans and access logs that a real Envoy sends by OTLP, to the socket of its captures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mesh_traffic import Exchange
from tap.lines import tree
from tap.live.hub import Hub
from tap.sources.access_log import access_logs
from tap.sources.otlp import Receiver, handlers
from tap.tree.hops import hops_of
from tap.tree.trace_context import carried
from tests.tap.conftest import Envoy
from tests.tap.otlp.traced import trace
from tests.tap.watched import ask

TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CLIENT}-01"
SECRET = "pl4nted-secret"


@pytest.fixture(scope="module")
def traced(
    envoy: Envoy, upstream: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Envoy]:
    running = Envoy(envoy.binary, tmp_path_factory.mktemp("traced"), upstream)
    trace(running, records=True)
    running.start()
    try:
        yield running
    finally:
        running.kill()


@asynccontextmanager
async def told(envoy: Envoy, *, ours: bool) -> AsyncIterator[tuple[Hub, list[Exchange]]]:
    """A hub and all that it kept. ``ours``: the Envoy is of its mesh, so it has captures of it."""
    kept: list[Exchange] = []
    targets = [envoy.target] if ours else []
    hub = Hub(targets, envoy.topology, logged=ours, keep=kept.extend)
    receiver = Receiver(hub.otlp, hub.told)
    async with hub.running(), access_logs(envoy.captures, hub.open_log, handlers(receiver)):
        yield hub, kept


async def until(kept: list[Exchange], holds: Callable[[list[Exchange]], bool]) -> list[Exchange]:
    async with asyncio.timeout(10):
        while True:
            if holds(kept):
                return list(kept)
            await asyncio.sleep(0.02)


def of(source: str) -> Callable[[Exchange], bool]:
    return lambda exchange: exchange.sources == (source,)


async def test_a_foreign_envoys_spans_are_exchanges_with_all_that_they_tell(traced: Envoy) -> None:
    async with told(traced, ours=False) as (hub, kept), seen_by(hub) as shown:
        path = f"/foreign?token={SECRET}&a=1"
        await ask(traced.outbound, path, headers={"traceparent": TRACEPARENT})
        await until(kept, lambda kept: len(kept) >= 2)
        (one,) = shown
        counts = hub.otlp.counts
    assert one.sources[0].startswith("otlp ")
    assert (one.node, one.request.method, one.status) == ("productpage", "GET", 200)
    assert one.request.path.startswith("/foreign?token=[redacted+")
    assert one.request.authority == f"127.0.0.1:{traced.outbound}"
    assert len(one.request_id) == 36
    assert one.cluster == "upstream"
    assert one.duration is not None
    assert 0 < one.duration < 5
    assert one.trace.trace_id == TRACE
    assert SECRET not in repr(kept)
    assert counts["otlp trace"].seen == 2  # of the request, and of its try
    assert [count.refused for count in counts.values()] == [0, 0]


@asynccontextmanager
async def seen_by(hub: Hub) -> AsyncIterator[list[Exchange]]:
    """What a viewer of everything is shown."""
    found: list[Exchange] = []
    with hub.watch() as viewer:

        async def follow() -> None:
            while True:
                if isinstance(event := await viewer.next(), Exchange):
                    found.append(event)

        async with asyncio.TaskGroup() as group:
            following = group.create_task(follow())
            yield found
            await asyncio.sleep(0.3)  # what comes second must not come, too
            following.cancel()


async def test_of_span_and_record_of_one_request_only_the_first_is_shown(traced: Envoy) -> None:
    async with told(traced, ours=False) as (hub, kept):
        async with seen_by(hub) as shown:
            for port in (traced.outbound, traced.inbound):
                await ask(port, "/twice")
            await until(kept, lambda kept: len({one.trace.span_id for one in kept}) >= 3)
        assert len(shown) == 2, shown
        assert {one.request.path for one in shown} == {"/twice"}
        assert hub.otlp.counts["otlp log"].seen == 2


@pytest.mark.parametrize("side", ["outbound", "inbound"])
async def test_a_record_tells_of_its_request_by_attributes_or_by_its_line(
    envoy: Envoy, upstream: int, tmp_path: Any, side: str
) -> None:
    silent = Envoy(envoy.binary, tmp_path, upstream)
    trace(silent, spans=False, records=True)
    async with told(silent, ours=False) as (_, kept):
        await asyncio.to_thread(silent.start)
        try:
            port = getattr(silent, side)
            await ask(port, "/log?a=1", "POST", data=b"12345", headers={"user-agent": "test/1"})
            (one,) = await until(kept, bool)
        finally:
            silent.kill()
    assert (one.sources, one.node, one.status) == (("otlp log",), "productpage", 200)
    assert (one.request.method, one.request.path) == ("POST", "/log?a=1")
    assert one.request.authority == f"127.0.0.1:{port}"
    assert one.destination.address == f"127.0.0.1:{upstream}"
    assert len(one.request_id) == 36
    assert one.duration is not None
    if side == "inbound":
        assert one.request.headers.get("user-agent") == "test/1"
        assert one.request.body.size == 5


async def test_a_request_that_was_captured_is_one_exchange_with_the_ids_of_its_span(
    traced: Envoy,
) -> None:
    async with told(traced, ours=True) as (hub, kept), seen_by(hub) as shown:
        await ask(traced.outbound, "/ours", headers={"traceparent": TRACEPARENT})
        await until(kept, lambda kept: sum(map(of("otlp trace"), kept)) == 2)
        await until(kept, lambda kept: any(map(of("access log"), kept)))
    (one,) = [each for each in shown if each.request.path == "/ours"]
    assert one.sources == ("access log",)
    spans = [each for each in kept if of("otlp trace")(each)]
    assert all(span.is_step for span in spans)
    (root,) = hops_of(kept)
    assert [hop.exchange.id for hop in root.walk()] == [one.id]
    assert root.exchange.sources == ("access log", "otlp trace")
    assert root.exchange.trace.parent_span_id == CLIENT
    (try_,) = [span for span in spans if not span.request.method]
    # what it passed on is the id of its try, which stands below its request
    assert carried(one.request.headers.fields).parent_span_id == try_.trace.span_id
    assert try_.trace.parent_span_id == root.exchange.trace.span_id
    assert len(list(tree([root]))) == 1
