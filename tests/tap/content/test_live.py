"""Bodies as a real Envoy's tap has them: gRPC and WebSocket, real peers at both ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import grpc.aio
import pytest
from aiohttp import web

from mesh_traffic import Exchange
from tap.content import View, view
from tests.tap.content.given import HELLO, made, schema
from tests.tap.watched import shown, watching

HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}


@pytest.fixture
def proxy(envoy: Any, tmp_path: Path) -> Iterator[Any]:
    """An Envoy like ``envoy``, not started: a test sets its upstream."""
    made_like = type(envoy)(envoy.binary, tmp_path, 0)
    yield made_like
    made_like.kill()


def start(proxy: Any, port: int, **cluster: Any) -> None:
    """Start it with WebSocket allowed and its upstream at ``port``."""
    file = proxy.folder / "envoy.json"
    bootstrap = json.loads(file.read_text())
    resources = bootstrap["static_resources"]
    for listener in resources["listeners"]:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["upgrade_configs"] = [{"upgrade_type": "websocket"}]
    upstream = resources["clusters"][0]
    endpoint = upstream["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["address"]["socket_address"]["port_value"] = port
    upstream.update(cluster)
    file.write_text(json.dumps(bootstrap))
    proxy.start()


@asynccontextmanager
async def greeter() -> AsyncIterator[int]:
    """A gRPC server whose answers are compressed, and its port."""

    async def hello(request: Any, context: Any) -> Any:
        if not request.name.first:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no name: ñ")
        text = f"hello {request.name.first}, " * 20
        return made("HelloReply")(text=text, length=len(text))

    async def chat(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield made("HelloReply")(text=request.name.first)

    server = grpc.aio.server(compression=grpc.Compression.Gzip)
    codecs = {
        "request_deserializer": made("HelloRequest").FromString,
        "response_serializer": lambda message: message.SerializeToString(),
    }
    handlers = {
        "Hello": grpc.unary_unary_rpc_method_handler(hello, **codecs),
        "Chat": grpc.stream_stream_rpc_method_handler(chat, **codecs),
    }
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("example.Greeter", handlers)]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


def both(exchange: Exchange) -> tuple[View, View]:
    return view(exchange, "request", schema()), view(exchange, "response", schema())


async def test_grpc_through_an_envoy_is_decoded_by_names(proxy: Any) -> None:
    async with greeter() as port:
        start(proxy, port, typed_extension_protocol_options=HTTP2)
        async with watching(proxy) as (_, viewer):
            async with grpc.aio.insecure_channel(
                f"127.0.0.1:{proxy.outbound}", compression=grpc.Compression.Deflate
            ) as channel:
                hello = channel.unary_unary(HELLO, _bytes, made("HelloReply").FromString)
                await hello(made("HelloRequest")(name={"first": "Ada"}, numbers=[1] * 50))
                with pytest.raises(grpc.aio.AioRpcError):
                    await hello(made("HelloRequest")())
                chat = channel.stream_stream("/example.Greeter/Chat", _bytes, lambda data: data)
                names = (made("HelloRequest")(name={"first": name}) for name in ("Ada", "Bob"))
                assert len([one async for one in chat(names)]) == 2
            asked, answer = both(await shown(viewer))
            _, refused = both(await shown(viewer))
            said, heard = both(await shown(viewer))
    assert asked.kind == answer.kind == "grpc example.Greeter/Hello"
    assert asked.value["messages"] == [{"name": {"first": "Ada"}, "numbers": ["1"] * 50}]
    assert answer.value["messages"][0]["text"].startswith("hello Ada, hello Ada, ")
    assert answer.value["status"]["name"] == "OK"
    assert refused.value["status"] == {
        "code": 3,
        "name": "INVALID_ARGUMENT",
        "message": "no name: ñ",
    }
    assert [one["name"]["first"] for one in said.value["messages"]] == ["Ada", "Bob"]
    assert [one["text"] for one in heard.value["messages"]] == ["Ada", "Bob"]
    assert not any(one.notes for one in (asked, answer, refused, said, heard))


def _bytes(message: Any) -> bytes:
    return message.SerializeToString()  # type: ignore[no-any-return]


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A WebSocket server that says twice what it hears, and its port."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data * 2)
        return socket

    application = web.Application()
    application.router.add_get("/chat", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("compress", [0, 15])
async def test_a_websocket_through_an_envoy_is_unmasked_and_inflated(
    proxy: Any, compress: int
) -> None:
    async with echo() as port:
        start(proxy, port)
        async with watching(proxy) as (_, viewer):
            url = f"http://127.0.0.1:{proxy.outbound}/chat"
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(url, compress=compress) as socket,
            ):
                for text in ('{"say": "hello hello hello"}', "hello hello hello"):
                    await socket.send_str(text)
                    assert await socket.receive_str() == text * 2
                await socket.close(code=1000, message=b"bye")
            exchange = await shown(viewer)
    asked, answer = both(exchange)
    assert (asked.kind, answer.kind) == ("websocket", "websocket")
    assert asked.value[0]["value"] == {"say": "hello hello hello"}
    assert asked.value[1]["value"] == "hello hello hello"
    assert asked.value[2] == {"type": "close", "code": 1000, "reason": "bye"}
    assert answer.value[1]["value"] == "hello hello hello" * 2
    assert (b"hello" in exchange.request.body.data) is False  # it was masked
    assert asked.notes == answer.notes == ()
