"""A door: a service at a socket that does what lines on its standard input say, and ends with it.

Each line is answered with one when it holds, or with what is wrong with it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mini_mesh.beside.unary import Method, Unary
from mini_mesh.processes.told import ERROR, READY
from tap.sources.private_socket import bound

MAX_LINE = 16 * 1024 * 1024  # bytes


async def serve(path: Path, methods: Mapping[str, Method], tell: Callable[[bytes], None]) -> None:
    """Until there are no more lines. ``tell`` gets each, and raises ValueError for one that can't
    be done: then what was told before holds.
    """
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=MAX_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lines.feed_eof)
    first = await lines.readline()
    said = _told(tell, first) if first else READY
    with bound(path) as socket:
        async with Unary(methods).listening(socket):
            print(said, flush=True)
            while line := await lines.readline():
                print(_told(tell, line), flush=True)


def _told(tell: Callable[[bytes], None], line: bytes) -> str:
    try:
        tell(line)
    except ValueError as error:
        return f"{ERROR} {error}".replace("\n", " ")
    return READY
