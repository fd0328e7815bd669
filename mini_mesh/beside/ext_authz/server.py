"""A door: external authorization at a socket, for as long as somebody wants it.

``python -m mini_mesh.beside.ext_authz.server SOCKET`` is told its policies by lines.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mini_mesh.beside.by_lines import serve
from mini_mesh.beside.ext_authz.authorizer import Authorizer
from mini_mesh.beside.ext_authz.lines import decode


async def main(path: Path) -> None:
    authorizer = Authorizer()
    await serve(path, authorizer.methods, lambda line: authorizer.tell(decode(line)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
