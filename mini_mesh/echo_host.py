"""The mesh's side of the echo process: what it was told to serve, and whether it does.

The echo is one process for all built-in workloads.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from mini_mesh.echo.config import ERROR, PEAKS, READY, Instance, encode, process_spec
from mini_mesh.processes.process import Process, ProcessSpec
from mini_mesh.processes.ready import or_exit
from mini_mesh.processes.told import READY_WITHIN, Told

ECHO = "echo"  # the process's name


class EchoHost(Told):
    """``told`` is what it has to serve."""

    def __init__(self) -> None:
        super().__init__(ECHO, READY, ERROR, "listen")
        self.told: tuple[Instance, ...] = ()
        self._peaks: asyncio.Future[str] | None = None
        self.serve(())

    @property
    def spec(self) -> ProcessSpec:
        return process_spec(ECHO)

    def heard(self, process: Process, line: str) -> None:
        super().heard(process, line)
        asked = process is self.process and self._peaks is not None and not self._peaks.done()
        if asked and self._peaks and line.startswith(f"{PEAKS} "):
            self._peaks.set_result(line)

    def serve(self, served: tuple[Instance, ...]) -> None:
        """Serve these and no others."""
        self.told = served
        self.tell(encode(served))

    async def peaks(self) -> Mapping[str, int]:
        """How many requests were at each instance that it serves at the same time at most, since
        this was last asked.

        Raises NotReady: it does not run, or does not answer.
        """
        if self.process is None or not self.process.running:
            return {}
        answer = self._peaks = asyncio.get_running_loop().create_future()
        self.process.write(f"{PEAKS}\n".encode())
        line = await or_exit(self.process, answer, "tell", READY_WITHIN)
        found: dict[str, int] = json.loads(line.removeprefix(PEAKS))
        return found
