"""The door, through a real gRPC channel: hostile clients, shared ports, listeners that raise."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.xds_server.playbook import CLUSTER, ENDPOINT, a_cluster, an_assignment, snapshot
from xds_server import mirror
from xds_server.cache import Cache
from xds_server.errors import XdsError
from xds_server.events import Event, Sent, StreamClosed
from xds_server.protos import core, discovery
from xds_server.serving.server import ADS, XdsServer

NODE = core.Node(id="node")


def request(**fields: Any) -> bytes:
    return mirror.serialize(discovery.DiscoveryRequest(type_url=CLUSTER.type_url, **fields))


@asynccontextmanager
async def serving(
    cache: Cache, events: list[Event] | None = None
) -> AsyncIterator[grpc.aio.Channel]:
    server = XdsServer(cache, on_event=(events if events is not None else []).append)
    port = await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop()


def open_stream(channel: grpc.aio.Channel, method: str = "StreamAggregatedResources") -> Any:
    return channel.stream_stream(f"/{ADS}/{method}")()


async def first_answer(stream: Any, *requests: bytes) -> Any:
    for each in requests:
        await stream.write(each)
    return mirror.parse(discovery.DiscoveryResponse, await stream.read())


async def refusal(stream: Any, *requests: bytes) -> tuple[grpc.StatusCode, str]:
    for each in requests:
        await stream.write(each)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stream.read()
    return caught.value.code(), caught.value.details() or ""


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x0a\x05garbage", "bytes are no DiscoveryRequest"),
        (request(node=NODE)[:-1], "bytes are no DiscoveryRequest"),
        (
            mirror.serialize(discovery.DiscoveryRequest(node=NODE)),
            "a request on an aggregated stream has no type_url",
        ),
        (request(), "the first request of a stream names no node"),
    ],
    ids=["garbage", "truncated", "no type_url", "no node"],
)
async def test_a_bad_first_request_ends_its_own_stream_and_no_other(data: bytes, told: str) -> None:
    cache = Cache()
    cache.set("node", snapshot(a_cluster("a")))
    async with serving(cache) as channel:
        good = open_stream(channel)
        await first_answer(good, request(node=NODE))
        code, details = await refusal(open_stream(channel), data)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert told in details
        await good.write(request(response_nonce="1"))
        cache.set("node", snapshot(a_cluster("b")))
        answer = mirror.parse(discovery.DiscoveryResponse, await good.read())
        assert answer.version_info == snapshot(a_cluster("b")).version(CLUSTER)


async def test_a_bad_later_request_ends_the_stream_and_is_told_as_its_reason() -> None:
    events: list[Event] = []
    cache = Cache()
    cache.set("node", snapshot(a_cluster("a")))
    async with serving(cache, events) as channel:
        stream = open_stream(channel)
        await first_answer(stream, request(node=NODE))
        code, details = await refusal(stream, b"\xff")
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "bytes are no DiscoveryRequest" in details
    (closed,) = (event for event in events if isinstance(event, StreamClosed))
    assert closed.reason == details


async def test_a_hundred_thousand_names_are_refused_with_a_clear_status() -> None:
    names = [f"n{i}" for i in range(100_000)]
    data = mirror.serialize(
        discovery.DiscoveryRequest(node=NODE, type_url=ENDPOINT.type_url, resource_names=names)
    )
    async with serving(Cache()) as channel:
        assert await refusal(open_stream(channel), data) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "ClusterLoadAssignment: got 100000 names, wanted at most 65536",
        )


async def test_both_variants_are_served_on_one_port() -> None:
    cache = Cache()
    cache.set("node", snapshot(an_assignment("a")))
    async with serving(cache) as channel:
        data = mirror.serialize(
            discovery.DeltaDiscoveryRequest(
                node=NODE, type_url=ENDPOINT.type_url, resource_names_subscribe=["a"]
            )
        )
        stream = open_stream(channel, "DeltaAggregatedResources")
        await stream.write(data)
        answer = mirror.parse(discovery.DeltaDiscoveryResponse, await stream.read())
        assert [each.name for each in answer.resources] == ["a"]


async def test_the_node_of_the_first_request_holds_for_the_whole_stream() -> None:
    cache, events = Cache(), list[Event]()
    cache.set("node", snapshot(a_cluster("a"), an_assignment("a")))
    async with serving(cache, events) as channel:
        stream = open_stream(channel)
        await first_answer(stream, request(node=NODE))
        silent = discovery.DiscoveryRequest(type_url=ENDPOINT.type_url, resource_names=["a"])
        assert (await first_answer(stream, mirror.serialize(silent))).nonce == "2"
        await first_answer_to_another_node(stream, cache)
    assert {event.node.id for event in events if isinstance(event, Sent)} == {"node"}


async def first_answer_to_another_node(stream: Any, cache: Cache) -> None:
    """Of a node that recurs the first is enough; another one changes nothing."""
    cache.set("node", snapshot(a_cluster("b")))
    await first_answer(stream, request(node=core.Node(id="other"), response_nonce="1"))


async def test_one_client_may_have_several_streams_of_a_type() -> None:
    cache = Cache()
    cache.set("node", snapshot(an_assignment("a"), an_assignment("b")))
    async with serving(cache) as channel:
        streams = [open_stream(channel), open_stream(channel)]
        for stream, name in zip(streams, "ab", strict=True):
            wanted = discovery.DiscoveryRequest(
                node=NODE, type_url=ENDPOINT.type_url, resource_names=[name]
            )
            answer = await first_answer(stream, mirror.serialize(wanted))
            assert (answer.nonce, len(answer.resources)) == ("1", 1)


async def test_a_stream_that_its_client_ends_is_closed() -> None:
    events: list[Event] = []
    cache = Cache()
    cache.set("node", snapshot(a_cluster("a")))
    async with serving(cache, events) as channel:
        stream = open_stream(channel)
        await first_answer(stream, request(node=NODE))
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK
    assert isinstance(events[-1], StreamClosed)


async def test_a_listener_that_raises_is_logged_and_the_stream_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(event: Event) -> None:
        raise ValueError("mine")

    cache = Cache()
    cache.set("node", snapshot(a_cluster("a")))
    server = XdsServer(cache, on_event=broken)
    port = await server.start()
    with caplog.at_level(logging.ERROR):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            assert (await first_answer(open_stream(channel), request(node=NODE))).nonce == "1"
    await server.stop()
    assert "on_event failed for StreamOpened" in caplog.text


async def test_a_port_that_is_taken_is_an_error_that_names_it() -> None:
    first, second = XdsServer(Cache()), XdsServer(Cache())
    port = await first.start()
    with pytest.raises(XdsError, match=rf"^127\.0\.0\.1:{port}: can not listen there"):
        await second.start("127.0.0.1", port)
    await first.stop()


async def test_other_services_share_the_port() -> None:
    async def echo(data: bytes, context: Any) -> bytes:
        return data + b"!"

    handler = grpc.method_handlers_generic_handler(
        "test.Echo", {"Say": grpc.unary_unary_rpc_method_handler(echo)}
    )
    server = XdsServer(Cache())
    port = await server.start(handlers=(handler,))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert await channel.unary_unary("/test.Echo/Say")(b"hi") == b"hi!"
    await server.stop()


def test_an_end_with_many_clients_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    async def end() -> None:
        server = XdsServer(Cache())
        port = await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            streams = [open_stream(channel) for _ in range(200)]
            for each in streams:
                await each.write(request(node=NODE))
            await server.stop()

    asyncio.run(end())
    assert "Traceback" not in capfd.readouterr().err
