"""Servers that tell what came: one of raw HTTP/1.1, one of gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-A: 1\r\nx-a: \xff\r\n\r\nok"


@dataclass
class Raw:
    """``answers`` are sent as they are, one for each request, the last one again and again."""

    port: int
    answers: list[bytes]
    came: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def raw(*answers: bytes) -> AsyncIterator[Raw]:
    """Bytes in, bytes out; a connection for each request."""
    heard = Raw(0, list(answers) or [OK])

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        heard.came.append(head + await reader.readexactly(int(length or 0)))
        answer = heard.answers.pop(0) if len(heard.answers) > 1 else heard.answers[0]
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    heard.port = server.sockets[0].getsockname()[1]
    async with server:
        yield heard


@dataclass
class Calls:
    """``came``: method, metadata and messages of each call."""

    port: int = 0
    came: list[tuple[str, dict[str, Any], list[bytes]]] = field(default_factory=list)


@asynccontextmanager
async def grpc_echo() -> AsyncIterator[Calls]:
    """Any method: gives its messages back, with ``x-seen`` before and ``x-end`` after them. One
    that ends in ``Fail`` fails, one in ``Wait`` waits."""
    calls = Calls()

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc] # grpcio is untyped
        def service(self, details: Any) -> Any:
            async def handle(messages: Any, context: Any) -> AsyncIterator[bytes]:
                got = [message async for message in messages]
                metadata = {str(k): v for k, v in context.invocation_metadata()}
                calls.came.append((details.method, metadata, got))
                await context.send_initial_metadata((("x-seen", "yes"), ("x-bin", b"\0\xff")))
                context.set_trailing_metadata((("x-end", "1"),))
                if details.method.endswith("Fail"):
                    await context.abort(grpc.StatusCode.NOT_FOUND, "no % such thing")
                if details.method.endswith("Wait"):
                    await asyncio.sleep(10)
                for message in got:
                    yield message

            return grpc.stream_stream_rpc_method_handler(handle)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers([Handler()])
    calls.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield calls
    finally:
        await server.stop(None)
