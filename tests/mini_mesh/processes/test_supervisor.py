"""No orphan: a real owner is killed for real, and what it started is looked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from mini_mesh.processes import guardian
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.processes.supervisor import Supervisor

OWNER = """
import asyncio, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker of pytest-xdist ignores it
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.processes.supervisor import Supervisor
DEAF = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(); time.sleep(60)"
OWN_SESSION = "import os,time; os.setsid(); print(); time.sleep(60)"
async def main():
    up = asyncio.Semaphore(0)
    async with Supervisor(lambda process, line: up.release(), grace=0.2) as supervisor:
        await supervisor.start(ProcessSpec("shell", "sleep 60 & sleep 61; true"))
        await supervisor.start(ProcessSpec("deaf", [sys.executable, "-uc", DEAF]))
        await supervisor.start(ProcessSpec("away", f"{sys.executable} -uc '{OWN_SESSION}' & wait"))
        await up.acquire()
        await up.acquire()
        print(supervisor.mark, flush=True)
        await asyncio.Event().wait()
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("stopped by Ctrl-C", flush=True)
"""
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def _live(mark: str) -> set[int]:
    return set(guardian.marked(mark))


def _wait_until_none(mark: str, seconds: float) -> set[int]:
    deadline = time.monotonic() + seconds
    while (left := _live(mark)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_orphan_is_left_when_the_owner_is_ended_by(number: signal.Signals) -> None:
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        mark = owner.stdout.readline().strip()
        assert len(_live(mark)) >= 5  # two sleeps, the deaf one, the one away, and their shells
        owner.send_signal(number)
        owner.wait(timeout=10)
        assert _wait_until_none(mark, seconds=4) == set()


@needs_proc
def test_an_owner_that_is_killed_before_it_could_tell_leaves_no_orphan() -> None:
    environ = {**os.environ, guardian.MARK_VARIABLE: "untold"}
    with subprocess.Popen(["sleep", "60"], env=environ, start_new_session=True) as child:
        script = [sys.executable, "-I", "-S", guardian.__file__, "untold"]
        subprocess.run(script, input=b"", timeout=10, check=True)
        assert child.wait(timeout=1) == -signal.SIGTERM


def test_a_group_that_was_taken_back_is_not_ended() -> None:
    assert guardian.held_groups([b"+12\n", b"+13\n", b"-12\n", b"-99\n"]) == {13}


async def test_a_killed_guardian_is_replaced_and_told_of_everyone() -> None:
    async with Supervisor() as supervisor:
        first = supervisor._guardian
        assert first is not None
        await supervisor.start(ProcessSpec("a", "sleep 60"))
        first.kill()
        first.wait()
        await supervisor.start(ProcessSpec("b", "sleep 60"))
        assert supervisor._guardian is not first
        assert first.stdin is not None
        first.stdin.close()


def test_the_guardian_imports_no_module_that_costs() -> None:
    script = [sys.executable, "-I", "-S", "-X", "importtime", guardian.__file__, "nobody"]
    done = subprocess.run(script, input="", capture_output=True, text=True, check=True)
    loaded = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines()}
    assert "signal" in loaded
    # of these, "signal" itself brings "collections" on Python 3.11
    assert {"typing", "asyncio", "subprocess", "re"}.isdisjoint(loaded)
