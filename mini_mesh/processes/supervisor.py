"""The supervisor: owns the processes of one mesh and the guardian that ends them if it cannot.

A door. Left in whatever way, the mesh leaves nothing behind: on a normal end and after Ctrl-C the
supervisor stops its processes, and closing the guardian's pipe is its last act; killed, the pipe
closes by itself. Either way the guardian looks for what is left, so there is one path, always used.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import uuid
from types import TracebackType

from mini_mesh.processes import guardian
from mini_mesh.processes.process import GRACE, OnExit, OnLine, Process, ProcessError, ProcessSpec


class Supervisor:
    """Owns processes: leaving it ends them all, and a guardian ends them if we cannot.

    ``on_line(process, line)`` hears every output line; ``on_exit(process)`` every exit, wanted
    (``process.stopping``) or not, so that its owner can start another (see ``RestartPolicy``).
    Both are called on the event loop and must not block. ``grace`` is what each process gets
    between SIGTERM and SIGKILL when the supervisor is left, in seconds.
    """

    def __init__(
        self, on_line: OnLine | None = None, on_exit: OnExit | None = None, grace: float = GRACE
    ) -> None:
        self.mark = uuid.uuid4().hex
        self._on_line, self._on_exit, self._grace = on_line, on_exit, grace
        self._processes: dict[int, Process] = {}
        self._guardian: subprocess.Popen[bytes] | None = None

    @property
    def processes(self) -> list[Process]:
        """The running ones, in the order of their start."""
        return list(self._processes.values())

    async def __aenter__(self) -> Supervisor:
        self._guardian = self._start_guardian()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await asyncio.gather(*(process.stop(self._grace) for process in self.processes))
        finally:
            assert self._guardian is not None
            assert self._guardian.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._guardian.stdin.close()
            await asyncio.to_thread(self._guardian.wait)

    async def start(self, spec: ProcessSpec) -> Process:
        """Start ``spec`` in a session of its own.

        Raises ProcessError where its command, its folder or that of its log is not there.
        """
        env = {**os.environ, **spec.env, guardian.MARK_VARIABLE: self.mark}
        stdin = subprocess.PIPE if spec.stdin else subprocess.DEVNULL
        shell = isinstance(spec.command, str)
        command = ["/bin/sh", "-c", spec.command] if shell else spec.command
        try:
            process = Process(spec, self._on_line, self._ended)
            await asyncio.get_running_loop().subprocess_exec(
                lambda: process,
                *command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=spec.cwd,
                start_new_session=True,
            )
        except OSError as error:
            no_folder = spec.cwd is not None and error.filename == spec.cwd
            what = f"in {str(spec.cwd)!r}" if no_folder else repr(command[0])
            raise ProcessError(f"{spec.name}: cannot start {what}: {error.strerror}") from error
        if process.running:
            self._processes[process.pid] = process
            self._tell(f"+{process.pid}")
        return process

    def _ended(self, process: Process) -> None:
        if self._processes.pop(process.pid, None) is not None:
            self._tell(f"-{process.pid}")
        if self._on_exit is not None:
            self._on_exit(process)

    def _tell(self, line: str) -> None:
        assert self._guardian is not None
        assert self._guardian.stdin is not None
        if self._guardian.stdin.closed:  # it ends them all by now
            return
        try:
            self._say(line)
        except BrokenPipeError:  # somebody killed the guardian: the next one learns of all
            self._guardian = self._start_guardian()
            for group in self._processes:
                self._say(f"+{group}")

    def _say(self, line: str) -> None:
        assert self._guardian is not None
        assert self._guardian.stdin is not None
        self._guardian.stdin.write(f"{line}\n".encode())

    def _start_guardian(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, self.mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
