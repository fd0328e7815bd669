"""``python -m mini_mesh.echo``: one line of config after the other, until EOF or SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

from mini_mesh.echo.config import ERROR, PEAKS, READY, EchoConfigError, decode
from mini_mesh.echo.server import Echo, ListenError

MAX_CONFIG = 16 * 1024 * 1024  # bytes of one line


async def main() -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=MAX_CONFIG)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    loop.add_signal_handler(signal.SIGTERM, lines.feed_eof)
    loop.add_signal_handler(signal.SIGINT, lines.feed_eof)
    echo = Echo()
    while line := await lines.readline():
        if line.strip() == PEAKS.encode():
            print(PEAKS, json.dumps(echo.peaks()), flush=True)
            continue
        try:
            await echo.serve(decode(line))
            print(READY, flush=True)
        except (EchoConfigError, ListenError) as error:
            print(f"{ERROR}{error}", flush=True)
    await echo.close()


if __name__ == "__main__":
    asyncio.run(main())
