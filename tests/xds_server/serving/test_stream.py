"""One stream's door: what is written when, with real channels where one is needed."""

from __future__ import annotations

import asyncio

import grpc.aio
import pytest

from tests.xds_server.playbook import CLUSTER, a_cluster, snapshot
from tests.xds_server.real_envoy import Events
from tests.xds_server.serving.test_server import NODE, first_answer, open_stream, request
from xds_server.cache import Cache
from xds_server.events import Sent, StreamClosed
from xds_server.protos import cluster
from xds_server.resource import Resource
from xds_server.serving import stream
from xds_server.serving.server import XdsServer
from xds_server.serving.stream import AT_ONCE, Turns


async def test_of_several_snapshots_at_once_only_the_last_one_is_sent() -> None:
    cache, events = Cache(), Events()
    cache.set("node", snapshot(a_cluster("a")))
    server = XdsServer(cache, on_event=events)
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        calls = [open_stream(channel) for _ in range(3)]
        for call in calls:
            await first_answer(call, request(node=NODE))
            await call.write(request(response_nonce="1"))
        await events.until(lambda: len(events.all) == 9)
        last = snapshot(a_cluster("a", "4"))
        for number in range(5):
            cache.set("node", snapshot(a_cluster("a", f"{number}")))
        for call in calls:
            answer = await first_answer(call)
            assert (answer.nonce, answer.version_info) == ("2", last.version(CLUSTER))
    assert len(events.of(Sent)) == 6
    await server.stop()


async def test_what_waits_for_a_client_that_ends_its_side_is_still_written() -> None:
    cache = Cache()
    server = XdsServer(cache)
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        cache.set(
            "node", snapshot(Resource.of(cluster.Cluster(name="a", alt_stat_name="x" * 10**6)))
        )
        call = open_stream(channel)
        await call.write(request(node=NODE))
        await call.done_writing()
        assert len(await call.read()) > 10**6
        assert await call.read() is grpc.aio.EOF
    await server.stop()


async def test_a_client_that_goes_away_in_the_middle_of_a_response_is_told_as_gone() -> None:
    cache, events = Cache(), Events()
    big = [Resource.of(cluster.Cluster(name=f"{i}", alt_stat_name="x" * 10**6)) for i in range(15)]
    cache.set("node", snapshot(*big))
    server = XdsServer(cache, on_event=events)
    port = await server.start()
    options = (("grpc.max_receive_message_length", -1), ("grpc.http2.bdp_probe", 0))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        call = open_stream(channel)
        await call.write(request(node=NODE))
        await events.until(lambda: bool(events.of(Sent)))
        call.cancel()
        await events.until(lambda: bool(events.of(StreamClosed)))
    (closed,) = events.of(StreamClosed)
    assert (closed.reason, closed.status) == ("", "OK")
    await server.stop()


async def test_large_responses_are_written_a_few_at_a_time_and_who_is_slow_holds_up_nobody_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "PATIENCE", 0.05)
    turns, writing, done = Turns(), list[int](), asyncio.Event()

    async def write(number: int) -> None:
        async with turns.wait():
            writing.append(number)
            await done.wait()

    async with asyncio.TaskGroup() as group:
        for number in range(AT_ONCE + 1):
            group.create_task(write(number))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert writing == list(range(AT_ONCE))
        await group.create_task(asyncio.wait_for(_one(turns), 5))
        done.set()
    assert len(writing) == AT_ONCE + 1
    async with asyncio.timeout(1):
        for _ in range(2 * AT_ONCE):
            await _one(turns)


async def _one(turns: Turns) -> None:
    async with turns.wait():
        pass
