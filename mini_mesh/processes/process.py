"""The processes of a mesh: started in groups of their own, heard line by line, ended without rest.

A door. Everything here happens on the event loop by events (exit, output, end of output); nothing
polls. A process is started without ``preexec_fn``, so that CPython can use vfork.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

MAX_LINES = 200  # the last log lines that a process keeps
MAX_LINE = 8192  # bytes; a longer line is cut into several
MAX_LOG = 64 * 1024 * 1024  # bytes of output in a log file; the file says that it ends there
GRACE = 3.0  # seconds between SIGTERM and SIGKILL
LAST_WORDS = 0.2  # seconds that output may still come after an exit

OnLine = Callable[["Process", str], None]
OnExit = Callable[["Process"], None]


class ProcessError(Exception):
    """A process could not be started, or ended when it was needed."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to run. ``env`` is added to our own environment; ``cwd`` is ours where it is None."""

    name: str
    command: str | Sequence[str]  # text goes through the shell, a sequence does not
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    log_path: Path | None = None  # every output line is appended here
    stdin: bool = False  # whether `Process.write` is wanted; else standard input is empty


class LineSplitter:
    """Bytes in, whole lines out: UTF-8 where it is, ``MAX_LINE`` bytes at most each."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > MAX_LINE:
            whole.append(self._rest[:MAX_LINE])
            self._rest = self._rest[MAX_LINE:]
        cut = (line[i : i + MAX_LINE] for line in whole for i in range(0, len(line) or 1, MAX_LINE))
        return [line.decode(errors="replace").rstrip("\r") for line in cut]

    def finish(self) -> list[str]:
        """The last line, where the output ended without a newline."""
        return self.feed(b"\n") if self._rest else []


class LogFile:
    """Lines appended to a file, ``MAX_LOG`` bytes of them at most. A disk that takes no more is no
    error: the file says how many lines are missing when there is room again."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("ab", buffering=0)
        self._left = MAX_LOG
        self._missing = 0  # lines

    def write(self, lines: list[str]) -> None:
        if self._left < 0:
            return
        said = [f"{self._missing} lines are missing: the disk was full"] if self._missing else []
        data = "".join(f"{line}\n" for line in [*said, *lines]).encode()
        self._left -= len(data)
        if self._left < 0:
            data = f"the rest is dropped: {MAX_LOG} bytes are written\n".encode()
        try:
            self._file.write(data)
            self._missing = 0
        except OSError:
            self._missing += len(lines)

    def close(self) -> None:
        self._file.close()


class Process(asyncio.SubprocessProtocol):
    """A started process: its exit code, its last lines, and how to end it with all its children."""

    def __init__(self, spec: ProcessSpec, on_line: OnLine | None, on_exit: OnExit) -> None:
        loop = asyncio.get_running_loop()
        self.spec = spec
        self.pid = 0
        self.returncode: int | None = None  # negative: the signal that ended it
        self.stopping = False  # an exit from now on is what we asked for
        self.lines: deque[str] = deque(maxlen=MAX_LINES)
        self.started_at = self.ended_at = loop.time()
        self._splitter = LineSplitter()
        self._on_line, self._on_exit = on_line, on_exit
        self._exited: asyncio.Future[None] = loop.create_future()
        self._silent: asyncio.Future[None] = loop.create_future()  # nobody holds its output open
        self._log = LogFile(spec.log_path) if spec.log_path else None
        self._transport: asyncio.SubprocessTransport | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def running(self) -> bool:
        return self.returncode is None

    @property
    def lived(self) -> float:
        """Seconds from start to exit, or until now."""
        now = asyncio.get_running_loop().time()
        return (now if self.running else self.ended_at) - self.started_at

    async def wait(self) -> int:
        """The exit code, when it has ended and what it wrote has been read."""
        await asyncio.shield(self._exited)
        await asyncio.wait([self._silent], timeout=LAST_WORDS)
        assert self.returncode is not None
        return self.returncode

    def write(self, data: bytes) -> None:
        """Send ``data`` to its standard input (``stdin=True``); lost if it has ended."""
        pipe = self._transport.get_pipe_transport(0) if self._transport else None
        if isinstance(pipe, asyncio.WriteTransport) and not pipe.is_closing():
            pipe.write(data)

    async def stop(self, grace: float = GRACE) -> int:
        """End its whole group: SIGTERM, then SIGKILL after ``grace`` seconds."""
        self.stopping = True
        if self.running:
            self._signal(signal.SIGTERM)
        await asyncio.wait(
            [self._exited, self._silent], timeout=grace, return_when=asyncio.ALL_COMPLETED
        )
        self._signal(signal.SIGKILL)  # also a grandchild that closed its output and stayed
        code = await self.wait()
        if self._transport is not None:
            self._transport.close()  # a grandchild in another session may still hold the other end
        return code

    def describe_exit(self) -> str:
        """``exited with 1`` or ``ended by SIGKILL``."""
        if self.returncode is not None and self.returncode < 0:
            return f"ended by {signal.Signals(-self.returncode).name}"
        return f"exited with {self.returncode}" if self.returncode is not None else "is running"

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in it
            os.killpg(self.pid, number)

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport
        self.pid = transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._heard(self._splitter.feed(data))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self._heard(self._splitter.finish())
            if self._log is not None:
                self._log.close()
            self._silent.set_result(None)

    def process_exited(self) -> None:
        assert self._transport is not None
        self.returncode = self._transport.get_returncode()
        self.ended_at = asyncio.get_running_loop().time()
        if not self.stopping:
            self._signal(signal.SIGKILL)  # its children do not outlive it
            asyncio.get_running_loop().call_later(LAST_WORDS, self._transport.close)
        self._exited.set_result(None)
        self._on_exit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._transport is not None
        self._transport.close()

    def _heard(self, lines: list[str]) -> None:
        for line in lines:
            self.lines.append(line)
            if self._on_line is not None:
                self._on_line(self, line)
        if self._log is not None:
            self._log.write(lines)
