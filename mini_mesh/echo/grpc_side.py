"""The echo over gRPC: any unary method, request and response are ``google.protobuf.Struct``.

The door to grpc.aio, imported only where an instance is gRPC or calls one. A server that speaks xDS
is ``xds_side.py``; here are what both say, and the client of both.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import grpc
import grpc.aio
import grpc.experimental
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct

from mini_mesh.echo.answer import (
    CALL_TIME,
    MAX_BODY,
    MAX_TEXT,
    SHUTDOWN_TIME,
    Caller,
    Outcome,
    Received,
    answer,
    forwarded,
    has_failed,
    response_headers,
)
from mini_mesh.echo.config import XDS_SCHEME, Call, Instance
from mini_mesh.echo.peak import Peak
from mini_mesh.echo.wishes import wishes
from mini_mesh.ports import LOOPBACK


class CallsFailed(Exception):
    """An instance fails, because a call did and it is to ``fail_with_calls``."""


class GrpcListener(grpc.GenericRpcHandler):  # type: ignore[misc] # grpcio is untyped
    """One instance on its port. A new ``instance`` for the same port may be set at any time."""

    def __init__(self, instance: Instance, call: Caller) -> None:
        self.instance = instance
        self.peak = Peak()
        self._call = call
        limit = ("grpc.max_receive_message_length", MAX_BODY)
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0), limit])
        self._server.add_generic_rpc_handlers([self])

    async def start(self) -> None:
        """Listen. Raises OSError."""
        try:
            self._server.add_insecure_port(f"{LOOPBACK}:{self.instance.port}")
        except RuntimeError as error:
            await self.stop()
            raise OSError(str(error)) from error
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(SHUTDOWN_TIME)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Whichever method it is: the echo."""

        async def handle(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            return await self._handle(details.method, request, context)

        return grpc.unary_unary_rpc_method_handler(handle)

    async def _handle(
        self, method: str, request: bytes, context: grpc.aio.ServicerContext[Any, Any]
    ) -> bytes:
        instance = self.instance
        headers = list(response_headers(instance).items())
        metadata = context.invocation_metadata()
        try:
            with self.peak.one_more():
                said = await say(instance, self._call, method, request, metadata)
        except CallsFailed as failed:
            await context.send_initial_metadata(headers)
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(failed))
        await context.send_initial_metadata(headers)
        return said


async def say(
    instance: Instance,
    call: Caller,
    method: str,
    request: bytes,
    metadata: Iterable[tuple[str, str | bytes]] | None,
) -> bytes:
    """What ``instance`` answers. Raises CallsFailed where a call failed that it depends on."""
    fields = [(name, _text(value)) for name, value in metadata or ()]
    got = Received("POST", method, fields, len(request), request[:MAX_TEXT])
    await asyncio.sleep(wishes(instance, fields).wait)
    outcomes = await call(instance, got)
    if has_failed(instance, outcomes):
        failed = [outcome.service for outcome in outcomes if outcome.error is not None]
        raise CallsFailed(f"calls failed: {', '.join(failed)}")
    said = answer(instance, got, outcomes)
    return _encoded({**said, "body": {"length": len(request), "message": decoded(request)}})


class GrpcClient:
    """Makes calls, and keeps a channel for each Envoy's address and authority, or xDS target."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, str], grpc.aio.Channel] = {}

    async def call(self, call: Call, got: Received) -> Outcome:
        url = urlsplit(call.url)
        method = got.path if call.url.startswith(XDS_SCHEME) else url.path or got.path
        unary = self._channel_for(call).unary_unary(method)
        metadata = [(name.lower(), value) for name, value in forwarded(got.headers)]
        try:
            response = await unary(b"", metadata=metadata, timeout=CALL_TIME)
        except grpc.aio.AioRpcError as error:
            status = error.code()
            return Outcome(call.service, status.value[0], error=f"{status.name}: {error.details()}")
        return Outcome(call.service, 0, answer=decoded(response))

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    def connect(self, call: Call) -> None:
        """Look for the callee now, so that what is wrong with it is known before the first call."""
        self._channel_for(call).get_state(try_to_connect=True)

    def _channel_for(self, call: Call) -> grpc.aio.Channel:
        xds = call.url.startswith(XDS_SCHEME)
        key = (call.url if xds else urlsplit(call.url).netloc, call.service)
        known = self._channels.get(key)
        if known is None:
            known = self._channels[key] = _xds_channel(key[0]) if xds else _channel(*key)
        return known


def _channel(address: str, authority: str) -> grpc.aio.Channel:
    options = [("grpc.default_authority", authority), ("grpc.enable_retries", 0)]
    return grpc.aio.insecure_channel(address, options=options)


def _xds_channel(target: str) -> grpc.aio.Channel:
    """TLS where the control plane says so, else plaintext; retries, too, are its affair."""
    plain = grpc.experimental.insecure_channel_credentials()
    return grpc.aio.secure_channel(target, grpc.xds_channel_credentials(plain))


def decoded(message: bytes) -> dict[str, Any] | None:
    """The content of a Struct; None where the message is something else."""
    try:
        content: dict[str, Any] = MessageToDict(Struct.FromString(message))
    except (DecodeError, ValueError):
        return None
    return content


def _encoded(content: dict[str, Any]) -> bytes:
    struct = Struct()
    struct.update(content)
    return struct.SerializeToString()


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else base64.b64encode(value).decode()
