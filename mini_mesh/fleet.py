"""The processes that a mesh wants, kept running: started, restarted when they die, ended when done.

A door, over the supervisor: it compares what is wanted with what runs and touches only what
differs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mini_mesh.events import Event, Exited, Restarted
from mini_mesh.process import Process, ProcessError, ProcessSpec
from mini_mesh.restart import RestartPolicy
from mini_mesh.supervisor import Supervisor

LAST_LINES = 10  # of a process that died, for the person who has to mend it


@dataclass(slots=True)
class _Member:
    process: Process
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    restart: asyncio.TimerHandle | None = None


class Fleet:
    """Processes by name. ``started`` is called with each one that was (re)started, ``on_line``
    with each line that one writes.

    ``failed`` names those that died too often and stay down.
    """

    def __init__(
        self,
        report: Callable[[Event], None],
        started: Callable[[Process], None] = lambda process: None,
        on_line: Callable[[Process, str], None] = lambda process, line: None,
    ) -> None:
        self.failed: set[str] = set()
        self._report, self._started = report, started
        self._supervisor = Supervisor(on_line, self._exited)
        self._members: dict[str, _Member] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False

    async def __aenter__(self) -> Fleet:
        await self._supervisor.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._ending = True
        for member in self._members.values():
            if member.restart:
                member.restart.cancel()
        for task in self._tasks:
            task.cancel()
        await self._supervisor.__aexit__(None, None, None)

    def get(self, name: str) -> Process | None:
        member = self._members.get(name)
        return member.process if member else None

    @property
    def names(self) -> list[str]:
        return list(self._members)

    async def start(self, wanted: Mapping[str, ProcessSpec]) -> list[Process]:
        """Start what is wanted and does not run, and anew what is wanted otherwise.

        Raises:
            ProcessError: a command or a folder is not there.
        """
        fresh = {
            name: spec
            for name, spec in wanted.items()
            if name not in self._members or self._members[name].process.spec != spec
        }
        await self.stop([name for name in fresh if name in self._members])
        processes = [await self._supervisor.start(spec) for spec in fresh.values()]
        for name, process in zip(fresh, processes, strict=True):
            self._members[name] = _Member(process)
            self._started(process)
        return processes

    async def stop(self, names: list[str]) -> None:
        """End these, whole groups of them."""
        members = [self._members.pop(name) for name in names]
        for member in members:
            if member.restart:
                member.restart.cancel()
        await asyncio.gather(*(member.process.stop() for member in members))

    def _exited(self, process: Process) -> None:
        member = self._members.get(process.name)
        if process.stopping or self._ending or member is None or member.process is not process:
            return
        delay = member.policy.delay(process.lived)
        lines = tuple(process.lines)[-LAST_LINES:]
        self._report(Exited(process.name, process.describe_exit(), lines, delay))
        if delay is None:
            self.failed.add(process.name)
            return
        loop = asyncio.get_running_loop()
        member.restart = loop.call_later(delay, self._start_again, process.name)

    def _start_again(self, name: str) -> None:
        task = asyncio.ensure_future(self._restart(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _restart(self, name: str) -> None:
        member = self._members.get(name)
        if member is None or self._ending:
            return
        try:
            member.process = await self._supervisor.start(member.process.spec)
        except ProcessError as error:
            self.failed.add(name)
            self._report(Exited(name, str(error), ()))
            return
        self._started(member.process)
        self._report(Restarted(name))
