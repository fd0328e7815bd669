"""The processes that a mesh wants, kept running: started, restarted when they die, ended when done.

A door, over the supervisor: it compares what is wanted with what runs and touches only what
differs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field

from mini_mesh.events import Event, Exited, Restarted
from mini_mesh.processes.process import Process, ProcessError, ProcessSpec
from mini_mesh.processes.restart import RestartPolicy
from mini_mesh.processes.supervisor import Supervisor

LAST_LINES = 10  # of a process that died, for the person who has to mend it


class NotStarted(ProcessError):
    """The process called ``name`` could not be started."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(slots=True)
class _Member:
    process: Process
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    restart: asyncio.TimerHandle | None = None
    settled: bool = False  # before that its death is told by who waits for it, and is no news


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

        What was started is left to the caller until :meth:`settle`: one that dies stays dead.

        Raises:
            NotStarted: a command or a folder is not there; those before it have started.
        """
        fresh = {
            name: spec
            for name, spec in wanted.items()
            if name in self.failed
            or name not in self._members
            or self._members[name].process.spec != spec
        }
        await self.stop([name for name in fresh if name in self._members])
        processes = []
        for name, spec in fresh.items():
            try:
                process = await self._supervisor.start(spec)
            except ProcessError as error:
                raise NotStarted(name, str(error)) from error
            self._members[name] = _Member(process)
            processes.append(process)
        for process in processes:
            self._started(process)
        return processes

    def settle(self) -> None:
        """All that was started is well: from now on it is kept running."""
        for member in self._members.values():
            settled, member.settled = member.settled, True
            if not settled and not member.process.running:
                self._exited(member.process)

    async def stop(self, names: list[str]) -> None:
        """End these, whole groups of them."""
        self.failed.difference_update(names)
        members = [self._members.pop(name) for name in names]
        for member in members:
            if member.restart:
                member.restart.cancel()
        await asyncio.gather(*(member.process.stop() for member in members))

    def _exited(self, process: Process) -> None:
        member = self._members.get(process.name)
        if member and member.settled and self._is_news(member, process):
            self._spawn(self._died(member, process))

    def _is_news(self, member: _Member, process: Process) -> bool:
        """Whether nobody wanted its exit, and it is not another's place by now."""
        current = self._members.get(process.name) is member and member.process is process
        return current and not process.stopping and not self._ending

    async def _died(self, member: _Member, process: Process) -> None:
        await process.wait()  # its last lines come after its exit
        if not self._is_news(member, process):
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
        self._spawn(self._restart(name))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _restart(self, name: str) -> None:
        member = self._members.get(name)
        if member is None or self._ending:
            return
        try:
            process = await self._supervisor.start(member.process.spec)
        except ProcessError as error:
            self.failed.add(name)
            self._report(Exited(name, str(error), ()))
            return
        if self._members.get(name) is not member:  # nobody wants it any more
            await process.stop()
            return
        member.process = process
        self._started(process)
        self._report(Restarted(name))
        if not process.running:  # so soon that it was not a member's yet
            self._exited(process)
