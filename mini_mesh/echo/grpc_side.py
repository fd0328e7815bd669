"""The echo over gRPC: any unary method, request and response are ``google.protobuf.Struct``.

The door to grpc.aio, imported only where an instance is gRPC or calls one.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

import grpc
import grpc.aio
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct

from mini_mesh.echo.answer import (
    MAX_BODY,
    MAX_TEXT,
    Outcome,
    Received,
    answer,
    forwarded,
    has_failed,
    response_headers,
)
from mini_mesh.echo.config import Call, Instance
from mini_mesh.echo.http_side import CALL_TIME, SHUTDOWN_TIME, Caller
from mini_mesh.ports import LOOPBACK


class GrpcListener(grpc.GenericRpcHandler):  # type: ignore[misc]
    """One instance on its port. A new ``instance`` for the same port may be set at any time."""

    def __init__(self, instance: Instance, call: Caller) -> None:
        self.instance = instance
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
        fields = [(name, _text(value)) for name, value in context.invocation_metadata() or ()]
        got = Received("POST", method, fields, len(request), request[:MAX_TEXT])
        outcomes = await self._call(instance, got)
        await context.send_initial_metadata(list(response_headers(instance).items()))
        if has_failed(instance, outcomes):
            failed = [outcome.service for outcome in outcomes if outcome.error is not None]
            await context.abort(grpc.StatusCode.UNAVAILABLE, f"calls failed: {', '.join(failed)}")
        said = answer(instance, got, outcomes)
        return _encoded({**said, "body": {"length": len(request), "message": decoded(request)}})


class GrpcClient:
    """Makes calls, and keeps one channel for each Envoy's address and authority."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, str], grpc.aio.Channel] = {}

    async def call(self, call: Call, got: Received) -> Outcome:
        url = urlsplit(call.url)
        unary = self._channel(url.netloc, call.service).unary_unary(url.path or got.path)
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

    def _channel(self, address: str, authority: str) -> grpc.aio.Channel:
        known = self._channels.get((address, authority))
        if known is None:
            options = [("grpc.default_authority", authority), ("grpc.enable_retries", 0)]
            known = grpc.aio.insecure_channel(address, options=options)
            self._channels[address, authority] = known
        return known


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
