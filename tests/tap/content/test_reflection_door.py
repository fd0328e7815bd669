"""Reflection of real gRPC servers."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

from tap.content.reflection import ReflectionError
from tap.content.reflection_door import reflect
from tests.tap.content.given import message, pool


@asynccontextmanager
async def serving(version: str = "") -> AsyncIterator[str]:
    """A server with grpcio's own reflection, under the name of that version, and its address."""
    server = grpc.aio.server()
    if version:
        servicer = ReflectionServicer(["example.Greeter"], pool=pool())
        handler = grpc.stream_stream_rpc_method_handler(
            servicer.ServerReflectionInfo,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        name = f"grpc.reflection.{version}.ServerReflection"
        handlers = {"ServerReflectionInfo": handler}
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_a_server_tells_what_its_messages_are_made_of(version: str) -> None:
    async with serving(version) as address:
        learnt = await reflect(address)
    assert learnt.services == ("example.Greeter",)
    data = message("HelloReply", text="hi")
    assert learnt.decode("example.Greeter/Hello", "response", data) == ({"text": "hi"}, ())


async def test_a_server_without_reflection_is_told() -> None:
    async with serving() as address:
        with pytest.raises(
            ReflectionError, match=f"{address}: the server has no reflection: UNIMP"
        ):
            await reflect(address)


async def test_nobody_there_is_told() -> None:
    with pytest.raises(ReflectionError, match=r"127\.0\.0\.1:1: UNAVAILABLE"):
        await reflect("127.0.0.1:1")


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ReflectionError, match="no answer within 0.3 s"):
            await reflect(address, within=0.3)


@pytest.mark.parametrize("address", ["192.0.2.1:80", "example.com:80", "nothing", ""])
async def test_only_a_loopback_address_is_asked(address: str) -> None:
    with pytest.raises(ReflectionError, match="expected a loopback address with a port"):
        await reflect(address)
