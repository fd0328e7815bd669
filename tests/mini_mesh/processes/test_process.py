"""Real processes: shells with grandchildren, ones that ignore SIGTERM, ones that die."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mini_mesh.processes.process import (
    MAX_LINE,
    LineSplitter,
    LogFile,
    Process,
    ProcessError,
    ProcessSpec,
)
from mini_mesh.processes.supervisor import Supervisor

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


class Lines:
    """Every line that a supervisor hears, and a way to wait for one."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def __call__(self, process: Process, line: str) -> None:
        self.heard.put_nowait((process.name, line))

    async def next(self) -> tuple[str, str]:
        return await asyncio.wait_for(self.heard.get(), timeout=5)


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_lines_are_indifferent_to_chunking(size: int) -> None:
    data, splitter = "a\r\n\nzweite ü\nlast".encode(), LineSplitter()
    lines = [line for i in range(0, len(data), size) for line in splitter.feed(data[i : i + size])]
    assert lines + splitter.finish() == ["a", "", "zweite ü", "last"]


@pytest.mark.parametrize("size", [1000, 10**6])
def test_an_endless_line_is_cut(size: int) -> None:
    data, splitter = b"x" * (2 * MAX_LINE + 3), LineSplitter()
    lines = [line for i in range(0, len(data), size) for line in splitter.feed(data[i : i + size])]
    assert [len(line) for line in lines + splitter.finish()] == [MAX_LINE, MAX_LINE, 3]


def test_a_log_file_ends_at_its_limit_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mini_mesh.processes.process.MAX_LOG", 8)
    log = LogFile(tmp_path / "log")
    for line in ("one", "two", "three", "four"):
        log.write([line])
    log.close()
    assert (tmp_path / "log").read_text() == "one\ntwo\nthe rest is dropped: 8 bytes are written\n"


def test_a_log_file_on_a_full_disk_goes_on_and_says_what_is_missing(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    log.write(["one"])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, before[1]))
    try:
        log.write(["two", "three"])
        log.write(["four"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log.write(["five"])
    log.close()
    said = (tmp_path / "log").read_text()
    assert said == "one\n3 lines are missing: the disk was full\nfive\n"


async def test_every_line_of_a_shell_command_is_heard_kept_and_written(tmp_path: Path) -> None:
    lines, log = Lines(), tmp_path / "page.log"
    async with Supervisor(on_line=lines) as supervisor:
        spec = ProcessSpec("page", "echo $WHO; echo oops >&2; exit 3", {"WHO": "me"}, log_path=log)
        process = await supervisor.start(spec)
        assert await process.wait() == 3
        assert not process.running
        assert process.describe_exit() == "exited with 3"
    assert [await lines.next(), await lines.next()] == [("page", "me"), ("page", "oops")]
    assert list(process.lines) == ["me", "oops"]
    assert log.read_text() == "me\noops\n"


async def test_a_process_that_ignores_sigterm_is_killed_after_its_grace() -> None:
    lines = Lines()
    async with Supervisor(on_line=lines) as supervisor:
        process = await supervisor.start(ProcessSpec("deaf", [sys.executable, "-c", STUBBORN]))
        assert await lines.next() == ("deaf", "up")
        assert await process.stop(grace=0.1) == -9
        assert process.describe_exit() == "ended by SIGKILL"


async def test_a_grandchild_ends_with_the_shell_that_started_it() -> None:
    lines = Lines()
    async with Supervisor(on_line=lines) as supervisor:
        await supervisor.start(ProcessSpec("page", "sleep 60 & echo $!; wait"))
        _, grandchild = await lines.next()
    assert await asyncio.to_thread(_has_ended, int(grandchild))


async def test_a_grandchild_does_not_outlive_a_parent_that_dies() -> None:
    lines = Lines()
    async with Supervisor(on_line=lines) as supervisor:
        process = await supervisor.start(ProcessSpec("page", "sleep 60 & echo $!; exit 1"))
        assert await asyncio.wait_for(process.wait(), timeout=5) == 1
        _, grandchild = await lines.next()
        assert await asyncio.to_thread(_has_ended, int(grandchild))


async def test_its_owner_learns_of_an_unwanted_exit_and_of_a_wanted_one() -> None:
    exits: list[tuple[str, bool]] = []
    note = lambda process: exits.append((process.name, process.stopping))  # noqa: E731
    async with Supervisor(on_exit=note) as supervisor:
        died = await supervisor.start(ProcessSpec("died", "exit 1"))
        await supervisor.start(ProcessSpec("stays", "sleep 60"))
        await died.wait()
    assert exits == [("died", False), ("stays", True)]


async def test_what_is_written_reaches_standard_input() -> None:
    lines = Lines()
    async with Supervisor(on_line=lines) as supervisor:
        process = await supervisor.start(ProcessSpec("cat", ["cat"], stdin=True))
        process.write(b"hello\n")
        assert await lines.next() == ("cat", "hello")


async def test_a_command_that_is_not_there_is_named() -> None:
    async with Supervisor() as supervisor:
        with pytest.raises(ProcessError, match="^page: cannot start '/no/such': .*No such file"):
            await supervisor.start(ProcessSpec("page", ["/no/such"]))


def _has_ended(pid: int) -> bool:
    """Whether ``pid`` is gone, or a zombie that nobody reaps, within a second."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True).stdout
        if not state.strip() or state.startswith(b"Z"):
            return True
    return False
