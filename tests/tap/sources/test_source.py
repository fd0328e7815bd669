"""The seam, and the fake that ships with it."""

from __future__ import annotations

import logging

import pytest

from mesh_traffic import Exchange
from tap.live.coverage import Coverage
from tap.live.hub import Hub, TapTarget
from tap.sources.source import Attached, Chunk, FakeSource, Lost, Source
from tap.topology import Topology
from tap.traces.request import TapRequest
from tests.tap.traces.test_decode import BUFFERED
from tests.tap.watched import attached, shown


async def test_a_hub_works_from_any_source() -> None:
    fakes: list[FakeSource] = []

    def open_fake(target: TapTarget, request: TapRequest) -> Source:
        fakes.append(FakeSource(Attached(), Chunk(BUFFERED[:99]), Chunk(BUFFERED[99:])))
        return fakes[-1]

    hub = Hub([TapTarget("web-1", "")], open_source=open_fake)
    async with hub.running():
        with hub.watch() as viewer:
            await attached(viewer)
            assert [(await shown(viewer)).request.path for _ in range(2)] == ["/a", "/b"]
            await hub.update([TapTarget("web-1", "")], Topology())
    assert [fake.nudged for fake in fakes] == [1]


async def test_a_source_that_breaks_is_told_and_the_hub_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(FakeSource):
        async def events(self):  # type: ignore[no-untyped-def] # as FakeSource has it
            yield Attached()
            raise RuntimeError("a bug")

    hub = Hub([TapTarget("web-1", "")], open_source=lambda target, request: Broken())
    with caplog.at_level(logging.CRITICAL, "tap.live.taps"):
        async with hub.running():
            with hub.watch() as viewer:
                while not (event := await viewer.next()).notes[0].endswith("a bug')"):  # type: ignore[union-attr] # the stream does not end before
                    pass
    assert event == Coverage(0, 1, notes=("web-1: tap failed: RuntimeError('a bug')",))


async def test_a_lost_envoy_leaves_what_was_pending() -> None:
    segment = (
        b'{\n "http_streamed_trace_segment": {\n  "trace_id": "1",\n  "request_headers": {'
        b'"headers": [{"key": ":path", "value": "/cut", "raw_value": ""}]}\n }\n}\n'
    )
    source = FakeSource(Attached(), Chunk(segment), Lost("killed"))
    hub = Hub([TapTarget("web-1", "")], open_source=lambda target, request: source)
    async with hub.running():
        with hub.watch() as viewer:
            exchange = await shown(viewer)
            assert isinstance(exchange, Exchange)
            assert (exchange.request.path, exchange.response) == ("/cut", None)
            assert viewer.coverage().notes == ("web-1: killed",)
