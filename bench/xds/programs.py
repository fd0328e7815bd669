"""Programs that are measured: started, asked by lines, read as JSON lines, ended with their input.

``Program`` is one process. ``planes`` are the control planes that there are to compare, ``fleet``
starts fake clients; both are written in Go as well, and built here from ``go/``.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUILT = HERE / "go" / "build"
PATIENCE = 120.0  # seconds until something that is waited for will not come any more
MAX_LINE = 2**20
OURS, THEIRS, BARE = "meshloom", "go-control-plane", "grpc.aio"


def go() -> str | None:
    """The ``go`` command, also where its installer puts it and no PATH leads."""
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")


def build() -> None:
    """Builds ``go/``; the module proxy is asked for what the checksums in ``go.sum`` name."""
    command = go()
    assert command, "no Go"
    subprocess.run([command, "build", "-o", f"{BUILT}/", "./..."], cwd=HERE / "go", check=True)


class Program:
    """One process; what it says is kept by event until it is asked for."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self.complaints: list[dict[str, Any]] = []  # clients that were lost or refused

    async def listen(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            told = json.loads(line)
            if told["event"] in ("lost", "refused"):
                self.complaints.append(told)
            else:
                self._of(told["event"]).put_nowait(told)

    def _of(self, event: str) -> asyncio.Queue[dict[str, Any]]:
        return self._said.setdefault(event, asyncio.Queue())

    async def until(self, event: str) -> dict[str, Any]:
        """The next of its kind. Raises ``TimeoutError`` with what was complained about."""
        try:
            return await asyncio.wait_for(self._of(event).get(), PATIENCE)
        except TimeoutError as error:
            raise TimeoutError(f"no {event!r}; {self.complaints[:3]}") from error

    @property
    def session(self) -> int:
        """The id of its session, which is its own."""
        return self._process.pid

    def tell(self, command: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n".encode())

    async def ask(self, command: str, answer: str) -> dict[str, Any]:
        self.tell(command)
        return await self.until(answer)


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[Program]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, limit=MAX_LINE, start_new_session=True
    )
    assert process.stdin
    program = Program(process)
    try:
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(program.listen())
            yield program
            listening.cancel()
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def plane(which: str, clients: int, services: int, *more: str) -> Any:
    """A control plane that expects so many clients, as a context manager."""
    ours = (sys.executable, str(HERE / "plane.py"))
    command = {OURS: ours, BARE: (*ours, "--bare"), THEIRS: (str(BUILT / "plane"),)}[which]
    return running(*command, "--clients", str(clients), "--services", str(services), *more)


@asynccontextmanager
async def fleet(language: str, clients: int, *options: str) -> AsyncIterator[Sequence[Program]]:
    """So many clients: of Go in one process, of Python in one for each 500."""
    command = (str(BUILT / "clients"),)
    parts = 1
    if language == "python":
        command = (sys.executable, str(HERE / "clients.py"))
        parts = max(1, clients // 500)
    async with AsyncExitStack() as stack:
        each = ("--clients", str(clients // parts))
        yield [
            await stack.enter_async_context(
                running(*command, *options, *each, "--prefix", f"node{part}")
            )
            for part in range(parts)
        ]
