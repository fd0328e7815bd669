"""A process that is told by lines what to do, and answers each when it does, or with what it can't.

A door. One that starts, for the first time or again, is told at once.
"""

from __future__ import annotations

import asyncio

from mini_mesh.processes.process import Process
from mini_mesh.processes.ready import NotReady, or_exit

READY_WITHIN = 30.0  # seconds for its answer
READY, ERROR = "ready", "error"  # usual answers; an error is followed by what it is


class Told:
    """What the process called ``name`` was told, and its answer: ``ready``, or ``error`` and why.

    :meth:`started` and :meth:`heard` are for the fleet that it belongs to.
    """

    def __init__(self, name: str, ready: str, error: str | None = None, doing: str = "") -> None:
        self._name, self._ready, self._error = name, ready, error
        self._doing = doing
        self._line = b""
        self.process: Process | None = None
        self._answer: asyncio.Future[str]

    def started(self, process: Process) -> None:
        """Some process of the fleet runs."""
        if process.name == self._name:
            self.process = process
            self._send(process)

    def heard(self, process: Process, line: str) -> None:
        """Some process of the fleet wrote a line."""
        failed = self._error is not None and line.startswith(self._error)
        answers = process is self.process and (line == self._ready or failed)
        if answers and not self._answer.done():
            self._answer.set_result(line)

    def tell(self, line: bytes) -> None:
        """Do as this line says; now if it runs, else when it starts."""
        changed, self._line = line != self._line, line
        if changed and self.process and self.process.running:
            self._send(self.process)

    def _send(self, process: Process) -> None:
        self._answer = asyncio.get_running_loop().create_future()
        process.write(self._line)

    async def problem(self) -> str | None:
        """Wait for its answer to what it was told last: what is wrong, or nothing."""
        if self.process is None or self.process.stopping:
            return None
        try:
            answer = asyncio.shield(self._answer)
            line = await or_exit(self.process, answer, self._doing, READY_WITHIN)
        except NotReady as error:
            line = str(error)
        return None if line == self._ready else line
