"""The mesh's side of the echo process: what it was told to serve, and whether it does.

A door. The echo is one process for all built-in workloads; it is told what to serve by a line, and
answers each line when it does, or with what it can't.
"""

from __future__ import annotations

import asyncio

from mini_mesh.echo.config import ERROR, READY, Instance, encode, process_spec
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
        answers = process is self._process and (line == READY or line.startswith(ERROR))
        if answers and not self._answer.done():
            self._answer.set_result(line)

    def tell(self, served: tuple[Instance, ...]) -> None:
        """Serve these and no others; now if it runs, else when it starts."""
        changed, self.told = served != self.told, served
        if changed and self._process and self._process.running:
            self._send(self._process)

    def _send(self, process: Process) -> None:
        self._answer = asyncio.get_running_loop().create_future()
        process.write(encode(self.told))

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
