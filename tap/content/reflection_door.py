"""The door to a server's reflection: over grpcio, to a loopback address, within limits."""

from __future__ import annotations

import asyncio
import ipaddress

import grpc
import grpc.aio

from tap.content.descriptors import DescriptorError, Descriptors
from tap.content.reflection import MAX_BYTES, VERSIONS, Reflection, ReflectionError

WITHIN = 5.0  # seconds for all questions


async def reflect(address: str, within: float = WITHIN) -> Descriptors:
    """The descriptors of all services of the plaintext gRPC server at ``address`` (``ip:port``).

    Raises ReflectionError, whose message begins with ``address``.
    """
    _check_loopback(address)
    try:
        async with asyncio.timeout(within):
            return Descriptors((await _ask(address)).files.values(), address)
    except TimeoutError as error:
        raise ReflectionError(f"{address}: no answer within {within:g} s") from error
    except DescriptorError as error:
        raise ReflectionError(str(error)) from error


async def _ask(address: str) -> Reflection:
    limit = ("grpc.max_receive_message_length", MAX_BYTES)
    options = [limit, ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]
    refused = ""
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        for version in VERSIONS:
            try:
                return await _learn(channel, version)
            except grpc.aio.AioRpcError as error:
                refused = f"{error.code().name}: {error.details()}"
                if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                    raise ReflectionError(f"{address}: {refused}") from error
            except ReflectionError as error:
                raise ReflectionError(f"{address}: {error}") from error
    raise ReflectionError(f"{address}: the server has no reflection: {refused}")


async def _learn(channel: grpc.aio.Channel, version: str) -> Reflection:
    reflection = Reflection()
    method = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    call = channel.stream_stream(method)()
    while (request := reflection.next()) is not None:
        await call.write(request)
        response = await call.read()
        if response is grpc.aio.EOF:
            raise ReflectionError("the server ended before it had answered")
        reflection.receive(response)
    await call.done_writing()
    return reflection


def _check_loopback(address: str) -> None:
    host = address.rpartition(":")[0].strip("[]")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        raise ReflectionError(f"{address}: expected a loopback address with a port")
