"""A door: passes connections on to another mesh's gateway, as the workload of its service here.

``python forward.py HOST PORT`` listens at the loopback port ``PORT`` of its environment. It needs
nothing of this package, so that it is there as fast as Python is.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress

CHUNK = 64 * 1024  # bytes
LISTEN = "127.0.0.1"


async def forward(host: str, port: int, at: int) -> None:
    """Until it is cancelled."""

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()  # Envoy says 503
            return
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    server = await asyncio.start_server(passed, LISTEN, at)
    async with server:
        await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction, to its end."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


def main() -> None:
    host, port = sys.argv[1:]
    with suppress(KeyboardInterrupt):
        asyncio.run(forward(host, int(port), int(os.environ["PORT"])))


if __name__ == "__main__":
    main()
