"""A door: the rate limit service at a socket, for as long as somebody wants it.

``python -m mini_mesh.beside.rate_limit.server SOCKET`` is told its rules by lines.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from mini_mesh.beside.by_lines import serve
from mini_mesh.beside.rate_limit.counters import InMemory
from mini_mesh.beside.rate_limit.limiter import Limiter
from mini_mesh.beside.rate_limit.lines import decode


async def main(path: Path) -> None:
    limiter = Limiter(InMemory(), time.time)
    await serve(path, limiter.methods, lambda line: limiter.tell(decode(line)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
