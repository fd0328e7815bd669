"""What a mesh knows of its rate limit service: a process, and the rules that it was told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mesh_patterns.beside import RATE_LIMIT
from mesh_patterns.rate_limits.rules import Domain
from mini_mesh.beside.rate_limit.lines import READY, encode
from mini_mesh.events import Event
from mini_mesh.processes.fleet import Fleet
from mini_mesh.processes.process import ProcessError, ProcessSpec
from mini_mesh.processes.told import Told


class RateLimit:
    """A service beside Envoy. What its process counted is gone when it ends."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        self._report = report
        self._fleet: Fleet | None = None
        self._told = Told(RATE_LIMIT, READY, doing="answer")

    @property
    def pid(self) -> int | None:
        """Of its process, while there is one."""
        process = self._fleet.get(RATE_LIMIT) if self._fleet else None
        return process.pid if process else None

    def tell(self, parts: Sequence[Domain]) -> None:
        self._told.tell(encode(parts))

    async def start(self, socket: Path) -> None:
        command = [sys.executable, "-m", "mini_mesh.beside.rate_limit.server", str(socket)]
        fleet = self._fleet = Fleet(self._report, self._told.started, self._told.heard)
        await fleet.__aenter__()
        await fleet.start({RATE_LIMIT: ProcessSpec(RATE_LIMIT, command, stdin=True)})

    async def stop(self) -> None:
        fleet, self._fleet = self._fleet, None
        if fleet is not None:
            await fleet.__aexit__(None, None, None)

    async def ready(self) -> None:
        if self._fleet is None:
            return
        problem = await self._told.problem()
        if problem is not None:
            raise ProcessError(f"the rate limit service: {problem}")
        self._fleet.settle()
