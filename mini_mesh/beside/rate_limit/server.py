"""A door: the rate limit service at a socket, for as long as somebody wants it.

``python -m mini_mesh.beside.rate_limit.server SOCKET`` is told its rules by lines on its standard
input, answers each with one when they hold, and ends with it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

from mini_mesh.beside.rate_limit.counters import InMemory
from mini_mesh.beside.rate_limit.limiter import Limiter
from mini_mesh.beside.rate_limit.lines import MAX_LINE, READY, decode
from mini_mesh.beside.unary import Unary
from tap.sources.private_socket import bound


async def main(path: Path) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=MAX_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lines.feed_eof)
    limiter = Limiter(InMemory(), time.time)
    limiter.tell(decode(await lines.readline() or b"[]"))
    with bound(path) as socket:
        async with Unary(limiter.methods).listening(socket):
            print(READY, flush=True)
            while line := await lines.readline():
                limiter.tell(decode(line))
                print(READY, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
