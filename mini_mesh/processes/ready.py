"""Waiting until something answers, and not longer than the process that should answer lives.

A door. Neither a listening socket nor Envoy's state LIVE comes with an event, so these two look
again after a short, growing time; the end of the process does, and ends the wait at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mini_mesh.ports import LOOPBACK
from mini_mesh.processes.process import Process, ProcessError

FIRST_LOOK, LONGEST_LOOK = 0.002, 0.05  # seconds between two attempts, doubling
LAST_LINES = 10  # log lines that an error shows

T = TypeVar("T")


class NotReady(ProcessError):
    """It ended before it was ready, or took too long: ``lines`` are the last that it wrote."""

    def __init__(self, message: str, lines: list[str]) -> None:
        super().__init__("\n".join([message, *(f"  {line}" for line in lines)]))
        self.message = message
        self.lines = lines


async def wait_for_port(process: Process, port: int, within: float = 30.0) -> None:
    """Until ``port`` on loopback accepts a connection. Raises NotReady."""

    async def accepts() -> bool:
        return await _connected(port, _hang_up)

    await or_exit(process, _until(accepts), f"listen on port {port}", within)


async def wait_for_live(process: Process, admin_port: int, within: float = 30.0) -> None:
    """Until Envoy says LIVE: it has its first config, and its listeners take requests.

    https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--ready
    Raises NotReady.
    """

    async def live() -> bool:
        return await _connected(admin_port, _says_live)

    await or_exit(process, _until(live), "be LIVE", within)


async def or_exit(process: Process, event: Awaitable[T], doing: str, within: float) -> T:
    """What ``event`` gives, raced against the exit of ``process`` and ``within`` seconds.

    Raises NotReady: ``page: exited with 1 before it could listen on port 9080`` and last lines.
    """
    waiting = asyncio.ensure_future(event)
    exit_ = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait([waiting, exit_], timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        lines = list(process.lines)[-LAST_LINES:]
        if exit_.done():
            ended = f"{process.describe_exit()} before it could {doing}"
            raise NotReady(f"{process.name}: {ended}", lines)
        raise NotReady(f"{process.name}: did not {doing} within {within:g} s", lines)
    finally:
        waiting.cancel()
        exit_.cancel()


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    pause = FIRST_LOOK
    while not await holds():
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_LOOK)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]


async def _connected(port: int, talk: Talk) -> bool:
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    try:
        return await talk(reader, writer)
    except OSError:
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    return True


async def _says_live(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"GET /ready HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n")
    return (await reader.readline()).startswith(b"HTTP/1.1 200 ")
