"""The mesh's side of the echo process: what it was told to serve, and whether it does.

A door. The echo is one process for all built-in workloads; it is told what to serve by a line, and
answers each line when it does, or with what it can't.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from mini_mesh.echo.config import ERROR, PEAKS, READY, Instance, encode, process_spec
from mini_mesh.processes.process import Process, ProcessSpec
from mini_mesh.processes.ready import NotReady, or_exit

ECHO = "echo"  # the process's name
READY_WITHIN = 30.0  # seconds for its answer


class EchoHost:
    """``told`` is what it has to serve; a process that starts, for the first time or again, is
    told at once."""

    def __init__(self) -> None:
        self.told: tuple[Instance, ...] = ()
        self._process: Process | None = None
        self._answer: asyncio.Future[str]
        self._peaks: asyncio.Future[str] | None = None

    @property
    def spec(self) -> ProcessSpec:
        return process_spec(ECHO)

    def started(self, process: Process) -> None:
        """For the fleet: some process of it runs."""
        if process.name == ECHO:
            self._process = process
            self._send(process)

    def heard(self, process: Process, line: str) -> None:
        """For the fleet: some process of it wrote a line."""
        if process is not self._process:
            return
        if (line == READY or line.startswith(ERROR)) and not self._answer.done():
            self._answer.set_result(line)
        if line.startswith(f"{PEAKS} ") and self._peaks and not self._peaks.done():
            self._peaks.set_result(line)

    def tell(self, served: tuple[Instance, ...]) -> None:
        """Serve these and no others; now if it runs, else when it starts."""
        changed, self.told = served != self.told, served
        if changed and self._process and self._process.running:
            self._send(self._process)

    def _send(self, process: Process) -> None:
        self._answer = asyncio.get_running_loop().create_future()
        process.write(encode(self.told))

    async def peaks(self) -> Mapping[str, int]:
        """How many requests were at each instance that it serves at the same time at most, since
        this was last asked.

        Raises NotReady: it does not run, or does not answer.
        """
        if self._process is None or not self._process.running:
            return {}
        answer = self._peaks = asyncio.get_running_loop().create_future()
        self._process.write(f"{PEAKS}\n".encode())
        line = await or_exit(self._process, answer, "tell", READY_WITHIN)
        found: dict[str, int] = json.loads(line.removeprefix(PEAKS))
        return found

    async def problem(self) -> str | None:
        """Wait for its answer to what it was told last: what is wrong, or nothing."""
        if self._process is None or self._process.stopping:
            return None
        try:
            answer = asyncio.shield(self._answer)
            line = await or_exit(self._process, answer, "listen", READY_WITHIN)
        except NotReady as error:
            line = str(error)
        return None if line == READY else line
