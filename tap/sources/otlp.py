"""The door at which spans and logs arrive by OTLP over gRPC: on loopback, and beside access logs.

Whoever may connect may tell: on TCP, that is every program of this machine. What is told can fill
the list, up to its bounds, and change nothing else. Source: OpenTelemetry Protocol, "OTLP/gRPC".
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from mesh_traffic import Exchange
from tap.otlp.messages import OtlpError

if TYPE_CHECKING:
    import grpc

    from tap.otlp.reader import Reader

PORT = 4317  # the standard's
HOST = "127.0.0.1"
MAX_MESSAGE = 4 * 1024 * 1024  # bytes, unpacked; what the Collector takes by default
MAX_CALLS = 32  # of gRPC at once, each with a message
STEP = 200  # exchanges that are made at once, before others have their turn
NOT_YET = "the mesh is not up yet; try again"

TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
LOGS = "opentelemetry.proto.collector.logs.v1.LogsService"

# What can be exported: gRPC's service, and the path of OTLP/HTTP
SIGNALS = {TRACES: "/v1/traces", LOGS: "/v1/logs"}


class NotYet(Exception):
    """Nobody reads so far."""


@dataclass(slots=True)
class Receiver:
    """Where messages go. ``reader`` is None until somebody reads; ``take`` gets the exchanges."""

    reader: Reader | None = None
    take: Callable[[list[Exchange]], None] = lambda exchanges: None

    async def receive(self, signal: str, data: bytes) -> bytes:
        """Take a message in; what its sender is answered. Raises OtlpError, NotYet."""
        if self.reader is None:
            raise NotYet(NOT_YET)
        told = self.reader.traces(data) if signal == TRACES else self.reader.logs(data)
        while batch := list(islice(told.exchanges, STEP)):
            self.take(batch)
            await asyncio.sleep(0)
        return told.answer()


@asynccontextmanager
async def otlp_over_grpc(receiver: Receiver, port: int = PORT) -> AsyncIterator[int]:
    """Take OTLP at a port of 127.0.0.1 while inside; 0 is any that is free. Gives the port.

    Raises OSError if nobody can listen there.
    """
    import grpc.aio

    _probe(port)
    options = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.so_reuseport", 0)]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=MAX_CALLS)
    server.add_generic_rpc_handlers(handlers(receiver))
    try:
        bound = server.add_insecure_port(f"{HOST}:{port}")
    except RuntimeError as error:
        raise OSError(f"{HOST}:{port}: nobody can listen there for OTLP: {error}") from error
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(grace=None)


def _probe(port: int) -> None:
    """Raises OSError where nobody can listen; gRPC itself says so on standard error, at length."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise OSError(error.errno, f"{HOST}:{port}: {error.strerror}") from error


def handlers(receiver: Receiver) -> tuple[grpc.GenericRpcHandler, ...]:
    """Both services, for a server of gRPC."""
    import grpc

    def exporting(signal: str) -> Callable[[bytes, Any], Awaitable[bytes]]:
        async def export(data: bytes, context: Any) -> bytes:
            try:
                return await receiver.receive(signal, data)
            except OtlpError as error:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            except NotYet as error:
                await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            raise AssertionError("abort raises")

        return export

    return tuple(
        grpc.method_handlers_generic_handler(
            signal, {"Export": grpc.unary_unary_rpc_method_handler(exporting(signal))}
        )
        for signal in SIGNALS
    )
