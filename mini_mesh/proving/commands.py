"""A door: runs the commands that a claim says, as somebody would who sits beside the mesh.

Each is a process of its own, told by ``MESHLOOM_MESH`` which mesh is meant.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from mesh_patterns.claims.runs import FILE, FOLDER, PORT, SCRATCH, RunSpec
from mesh_patterns.expect import ClaimSpec
from mini_mesh.mesh import MiniMesh
from mini_mesh.ports import Ports
from mini_mesh.proving.observed import Ran

MESHLOOM = (sys.executable, "-m", "meshloom")
LONGEST = 120.0  # seconds that a command may take
MAX_PRINTED = 4 * 2**20  # bytes; the rest is read and dropped
SCRATCH_FOLDER = "scratch"  # in the mesh's own


class _Command:
    """One process, and what it has printed so far."""

    def __init__(self, spec: RunSpec, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        self._spec, self._process, self._stdin = spec, process, process.stdin
        self._printed = bytearray()
        self._ran: Ran | None = None
        self._more = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())
        self._typing = asyncio.ensure_future(self._type())
        self._end = asyncio.get_running_loop().time() + LONGEST

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while chunk := await self._process.stdout.read(65536):
            self._printed += chunk[: max(0, MAX_PRINTED - len(self._printed))]
            self._more.set()
        await self._process.wait()
        self._more.set()

    async def ready(self) -> None:
        """It has printed that it is, or has ended."""
        if self._spec.ready:
            await self._has_printed(self._spec.ready, 0)

    async def _has_printed(self, text: str, since: int) -> int:
        """Where it ends after ``since``; -1 if nothing more comes."""
        wanted = text.encode()
        while (at := self._printed.find(wanted, since)) < 0:
            if self._reading.done():
                return -1
            self._more.clear()
            await self._more.wait()
        return at + len(wanted)

    async def _type(self) -> None:
        since = 0
        for text, typed in self._spec.types.items():
            since = await self._has_printed(text, since)
            if since < 0:
                return
            self._stdin.write(f"{typed}\n".encode())

    async def ended(self) -> Ran:
        """When it has, or is too long about it and is killed. What is to be typed was, by then."""
        if self._ran is not None:
            return self._ran
        code: int | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._end):
                await asyncio.shield(self._typing)
                self._stdin.close()
                if self._spec.interrupted and not self._reading.done():
                    self._process.send_signal(signal.SIGINT)
                await asyncio.shield(self._reading)
                code = self._process.returncode
        await self.gone()
        printed = self._printed.decode(errors="replace")
        self._ran = Ran(self._spec.meshloom, code, printed)
        return self._ran

    async def gone(self) -> None:
        """Nothing is left of it, also when something else went wrong."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._typing.cancel()
        await self._reading


class Running:
    """The commands of one claim. ``ran`` is what came of them, once :meth:`all_ended`."""

    def __init__(self, commands: list[_Command]) -> None:
        self._commands = commands
        self.ran: tuple[Ran, ...] = ()

    async def all_ended(self) -> None:
        self.ran = tuple([await command.ended() for command in self._commands])


@asynccontextmanager
async def running(claim: ClaimSpec, mesh: MiniMesh) -> AsyncIterator[Running]:
    """Each command of the claim has ended or, if it has a ``ready``, is ready, when this begins."""
    meant = _meant(claim, mesh)
    async with AsyncExitStack() as stack:
        commands = []
        for spec in claim.runs:
            command = await _start(spec, meant)
            stack.push_async_callback(command.gone)
            commands.append(command)
            await (command.ready() if spec.ready else command.ended())
        yield Running(commands)


def _meant(claim: ClaimSpec, mesh: MiniMesh) -> Mapping[str, str]:
    scratch = mesh.options.folder / SCRATCH_FOLDER
    scratch.mkdir(exist_ok=True)
    file = Path(claim.place().file).resolve()
    ports = Ports()
    port = ports.take()
    ports.release(port)
    return {FILE: str(file), FOLDER: str(file.parent), SCRATCH: str(scratch), PORT: str(port)}


async def _start(spec: RunSpec, meant: Mapping[str, str]) -> _Command:
    process = await asyncio.create_subprocess_exec(
        *MESHLOOM,
        *spec.arguments(meant),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(_environment()),
    )
    return _Command(spec, process)


def _environment() -> Iterator[tuple[str, str]]:
    yield from os.environ.items()
    yield "MESHLOOM_MESH", str(os.getpid())
    yield from {"NO_COLOR": "1", "COLUMNS": "160", "PYTHONUNBUFFERED": "1"}.items()
