"""A door: the sender in processes of its own, so that nothing else is in its way.

``python -m mini_mesh.load.process`` is given a load on standard input and tells the result. It ends
when there is nobody left to tell.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys

import msgspec

from mini_mesh.load.load import Load, LoadError
from mini_mesh.load.result import Result
from mini_mesh.load.sender import new_loop, send

MAX_RESULT = 256 * 2**20  # bytes of JSON


async def drive(load: Load, processes: int = 1) -> Result:
    """Send all of it, by so many processes. Raises ``LoadError`` if one of them fails."""
    parts = await asyncio.gather(*(_one(each) for each in load.split(processes)))
    result = Result.merged(parts)
    result.rate = load.rate
    return result


async def _one(load: Load) -> Result:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=MAX_RESULT,
    )
    try:
        out, err = await process.communicate(msgspec.json.encode(load))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise LoadError(f"the load generator ended: {lines[-1]}")
    return Result.read(msgspec.json.decode(out))


def main() -> None:
    """Until all is sent."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    gc.disable()  # a pause of the generator looks like one of the mesh; a run's garbage is small
    loop = new_loop(load.connections)
    parent = os.getppid()

    def orphaned() -> None:
        if os.getppid() != parent:
            os._exit(1)
        loop.call_later(1.0, orphaned)

    loop.call_later(1.0, orphaned)
    try:
        result = loop.run_until_complete(send(load))
    finally:
        loop.close()
    sys.stdout.buffer.write(msgspec.json.encode(result.plain()))


if __name__ == "__main__":
    main()
