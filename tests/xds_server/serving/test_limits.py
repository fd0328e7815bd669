"""What a client may cost, with real clients that ask for too much, or leave it unread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.xds_server.playbook import a_cluster, snapshot
from tests.xds_server.real_envoy import Events
from tests.xds_server.serving.test_server import NODE, first_answer, open_stream, request
from xds_server.cache import Cache
from xds_server.events import Acked, Sent, StreamClosed, StreamOpened
from xds_server.protos import cluster
from xds_server.resource import Resource
from xds_server.serving.limits import Limits, Pace
from xds_server.serving.server import XdsServer
from xds_server.serving.stream import MAX_WAITING

FIRST = request(node=NODE)
BIG = 1_000_000  # bytes; of 15, more than gRPC writes ahead for a client that does not read
# without the probe, a client whose machine is fast takes all of it before anybody reads
LAZY = (("grpc.max_receive_message_length", -1), ("grpc.http2.bdp_probe", 0))


@asynccontextmanager
async def serving(limits: Limits) -> AsyncIterator[tuple[Cache, Events, int]]:
    cache, events = Cache(), Events()
    server = XdsServer(cache, on_event=events)
    port = await server.start(limits=limits)
    try:
        yield cache, events, port
    finally:
        await server.stop()


def big(name: str) -> Resource:
    return Resource.of(cluster.Cluster(name=name, alt_stat_name="x" * BIG))


def test_a_burst_is_free_and_what_comes_after_it_waits_its_turn() -> None:
    pace = Pace(rate=10, burst=2, now=100.0)
    assert [pace.wait(100.0) for _ in range(4)] == pytest.approx([0, 0, 0.1, 0.2])
    assert pace.wait(100.4) == 0
    assert [pace.wait(200.0) for _ in range(3)] == pytest.approx([0, 0, 0.1])


async def test_a_stream_that_asks_too_fast_is_read_more_slowly_and_no_other() -> None:
    async with serving(Limits(rate=100, burst=5)) as (cache, events, port):
        cache.set("node", snapshot(a_cluster("a")))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            hasty = open_stream(channel)
            started = time.monotonic()
            await first_answer(hasty, FIRST)
            for number in range(24):
                cache.set("node", snapshot(a_cluster(f"{number}")))
                await hasty.write(request(response_nonce=str(number + 1)))
                await hasty.read()
            assert time.monotonic() - started > 19 / 100
            started = time.monotonic()
            assert (await first_answer(open_stream(channel), FIRST)).nonce == "1"
            assert time.monotonic() - started < 0.15
        assert len(events.of(Sent)) == 26


async def test_a_client_that_acks_what_it_does_not_read_is_refused_and_bounded() -> None:
    async with serving(Limits()) as (cache, events, port):
        address = f"127.0.0.1:{port}"
        async with grpc.aio.insecure_channel(address, options=LAZY) as channel:
            cache.set("node", snapshot(*(big(f"{i}") for i in range(15))))
            lazy = open_stream(channel)
            await lazy.write(FIRST)
            await events.until(lambda: bool(events.of(Sent)))
            for number in range(MAX_WAITING):
                cache.set("node", snapshot(a_cluster(f"{number}")))
                await lazy.write(request(response_nonce=str(number + 1)))
                await events.until(lambda n=number: len(events.of(Acked)) > n)
            for number in range(MAX_WAITING, MAX_WAITING + 10):
                cache.set("node", snapshot(a_cluster(f"{number}")))
                await lazy.write(request(response_nonce=str(number + 1)))
            read = 0
            with pytest.raises(grpc.aio.AioRpcError, match="responses wait to be read"):  # noqa: PT012
                while await lazy.read() is not grpc.aio.EOF:
                    read += 1
            assert read <= MAX_WAITING + 3


async def test_a_client_that_never_reads_is_dropped_with_a_status_and_others_are_served() -> None:
    async with serving(Limits(unread=0.4)) as (cache, events, port):
        cache.set("node", snapshot(*(big(f"{i}") for i in range(15))))
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=LAZY) as lazy_channel,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=LAZY) as channel,
        ):
            deaf, good = open_stream(lazy_channel), open_stream(channel)
            await deaf.write(FIRST)
            assert (await first_answer(good, FIRST)).nonce == "1"
            await good.write(request(response_nonce="1"))
            await events.until(lambda: bool(events.of(StreamClosed)))
            (closed,) = events.of(StreamClosed)
            assert closed.status == "RESOURCE_EXHAUSTED"
            assert closed.reason == (
                "a response could not be written for 0.4 s: the client does not read"
            )
            cache.set("node", snapshot(a_cluster("small")))
            assert (await first_answer(good)).nonce == "2"
            assert len(await deaf.read()) > BIG  # what was under way when it was dropped
            with pytest.raises(grpc.aio.AioRpcError, match="could not be written for") as caught:
                await deaf.read()
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_client_that_reads_late_but_in_time_is_served() -> None:
    async with serving(Limits(unread=2.0)) as (cache, events, port):
        cache.set("node", snapshot(*(big(f"{i}") for i in range(15))))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=LAZY) as channel:
            slow = open_stream(channel)
            await slow.write(FIRST)
            await events.until(lambda: bool(events.of(Sent)))
            await asyncio.sleep(0.6)  # the server has looked at it once
            assert len((await first_answer(slow)).resources) == 15
            await slow.write(request(response_nonce="1"))
            cache.set("node", snapshot(a_cluster("small")))
            assert (await first_answer(slow)).nonce == "2"
        assert not events.of(StreamClosed) or events.of(StreamClosed)[0].status == "OK"


class Proxy:
    """A connection that can go silent, as one does whose machine lost its power."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._silent = asyncio.Event()
        self._pumps: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to, back = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.TaskGroup() as group:
                self._pumps = [
                    group.create_task(self._pump(reader, back)),
                    group.create_task(self._pump(to, writer)),
                ]
        finally:
            writer.close()
            back.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self._silent.is_set():
                writer.write(data)

    def go_silent(self) -> None:
        self._silent.set()

    def end(self) -> None:
        for pump in self._pumps:
            pump.cancel()


async def test_a_connection_that_is_dead_without_a_word_is_noticed() -> None:
    async with serving(Limits(ping=1.0, pong=0.5)) as (cache, events, port):
        cache.set("node", snapshot(a_cluster("a")))
        proxy = Proxy(port)
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with grpc.aio.insecure_channel(address) as channel:
            stream: Any = open_stream(channel)
            await first_answer(stream, FIRST)
            assert events.of(StreamOpened)
            proxy.go_silent()
            await events.until(lambda: bool(events.of(StreamClosed)))
        proxy.end()
        server.close()
