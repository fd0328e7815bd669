"""A service beside Envoy that is a process of its own, and what the mesh knows of it.

An Envoy waits milliseconds for an answer: whoever compiles, or reads captures, must not be the one
who answers. The process is told by lines on its standard input (``by_lines.py`` is its side).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mini_mesh.events import Event
from mini_mesh.processes.fleet import Fleet
from mini_mesh.processes.process import ProcessError, ProcessSpec
from mini_mesh.processes.told import ERROR, READY, Told


class OwnProcess:
    """The service ``name``: ``module`` is run with its socket, ``encode`` makes a line of what
    patterns want of it. What its process knows by itself is gone when it ends.
    """

    def __init__(
        self,
        name: str,
        module: str,
        encode: Callable[[Sequence[Any]], bytes],
        report: Callable[[Event], None],
    ) -> None:
        self._name, self._module, self._encode = name, module, encode
        self._report = report
        self._fleet: Fleet | None = None
        self._told = Told(name, READY, ERROR, doing="answer")

    @property
    def pid(self) -> int | None:
        """Of its process, while there is one."""
        process = self._fleet.get(self._name) if self._fleet else None
        return process.pid if process else None

    def tell(self, parts: Sequence[Any]) -> None:
        self._told.tell(self._encode(parts))

    async def start(self, socket: Path) -> None:
        command = [sys.executable, "-m", self._module, str(socket)]
        fleet = self._fleet = Fleet(self._report, self._told.started, self._told.heard)
        await fleet.__aenter__()
        await fleet.start({self._name: ProcessSpec(self._name, command, stdin=True)})

    async def stop(self) -> None:
        fleet, self._fleet = self._fleet, None
        if fleet is not None:
            await fleet.__aexit__(None, None, None)

    async def ready(self) -> None:
        """Raises ProcessError: it does not come up, or can't do what it was told."""
        if self._fleet is None:
            return
        problem = await self._told.problem()
        if problem is not None:
            said = problem.removeprefix(ERROR).strip()
            raise ProcessError(f"the service {self._name!r}: {said}")
        self._fleet.settle()
