"""Connections are passed on, as the program that a mesh runs."""

from __future__ import annotations

import asyncio
import os
import sys

from mini_mesh.federation import forward
from mini_mesh.ports import Ports
from tests.mini_mesh.load.serving import OK, serving


def free() -> int:
    ports = Ports()
    port = ports.take()
    ports.release(port)
    return port


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(10):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)


async def test_it_passes_on_both_ways_and_closes_where_nobody_is() -> None:
    at = free()
    async with serving(lambda n: (0.0, OK), close=True) as address:
        host, _, port = address.rpartition(":")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", forward.__file__, host, port, env={**os.environ, "PORT": str(at)}
        )
        try:
            reader, writer = await connected(at)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == OK
            writer.close()
        finally:
            process.kill()
            await process.wait()


async def test_where_nobody_is_it_hangs_up() -> None:
    at = free()
    running = asyncio.ensure_future(forward.forward("127.0.0.1", free(), at))
    reader, writer = await connected(at)
    assert await reader.read() == b""
    writer.close()
    running.cancel()
