"""Real servers on loopback for the sender: each answers with bytes that a test chose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Answering = Callable[[int], tuple[float, bytes]]  # number of the request: seconds to wait, bytes


@asynccontextmanager
async def serving(answering: Answering, close: bool = False) -> AsyncIterator[str]:
    """A server, at the address that is given; with ``close`` it ends each connection."""
    number = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                wait, answer = answering(number)
                number += 1
                await asyncio.sleep(wait)
                writer.write(answer)
                if close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
    finally:
        server.close()
