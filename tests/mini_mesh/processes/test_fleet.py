"""Processes that are wanted: started, left alone, started anew, given up."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mini_mesh.events import Event, Exited, Restarted
from mini_mesh.processes.fleet import Fleet, NotStarted
from mini_mesh.processes.process import Process, ProcessSpec


class Watched:
    """A fleet, what it reported, and whom it started."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.started: list[str] = []
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        hear = lambda process, line: self.lines.put_nowait(line)  # noqa: E731
        self.fleet = Fleet(self.events.put_nowait, self._note, hear)

    def _note(self, process: Process) -> None:
        self.started.append(process.name)

    async def next(self) -> Event:
        return await asyncio.wait_for(self.events.get(), timeout=5)

    async def start(self, **commands: str) -> list[str]:
        """What had to be started of these."""
        specs = {name: ProcessSpec(name, command) for name, command in commands.items()}
        return [process.name for process in await self.fleet.start(specs)]

    def pid(self, name: str) -> int:
        process = self.fleet.get(name)
        assert process is not None
        return process.pid


@asynccontextmanager
async def watched() -> AsyncIterator[Watched]:
    it = Watched()
    async with it.fleet:
        yield it


async def test_only_what_differs_is_started() -> None:
    async with watched() as it:
        assert await it.start(a="sleep 60", b="sleep 60") == ["a", "b"]
        a, b = it.pid("a"), it.pid("b")
        assert await it.start(a="sleep 60", b="sleep 61", c="sleep 60") == ["b", "c"]
        assert it.pid("a") == a
        assert it.pid("b") != b
        assert it.started == ["a", "b", "b", "c"]
        await it.fleet.stop(["a", "c"])
        assert it.fleet.names == ["b"]
        assert it.fleet.get("a") is None
        assert it.events.empty()


async def test_one_that_dies_is_told_with_its_last_lines_and_runs_again() -> None:
    async with watched() as it:
        await it.start(a="echo I am a; sleep 60")
        it.fleet.settle()
        first = it.pid("a")
        assert await asyncio.wait_for(it.lines.get(), timeout=5) == "I am a"
        os.killpg(first, signal.SIGKILL)
        assert await it.next() == Exited("a", "ended by SIGKILL", ("I am a",), 0.05)
        assert await it.next() == Restarted("a")
        assert it.pid("a") != first
        assert it.started == ["a", "a"]


async def test_only_the_last_lines_are_told() -> None:
    async with watched() as it:
        await it.start(a="seq 1 30; exit 2")
        it.fleet.settle()
        died = await it.next()
        assert isinstance(died, Exited)
        assert died.last_lines == tuple(map(str, range(21, 31)))


async def test_one_that_dies_before_it_is_settled_is_the_waiters_affair() -> None:
    async with watched() as it:
        await it.start(a="exit 3")
        process = it.fleet.get("a")
        assert process is not None
        assert await process.wait() == 3
        assert it.events.empty()
        it.fleet.settle()  # the waiter took it for well: it is not
        assert await it.next() == Exited("a", "exited with 3", (), 0.05)


async def test_one_that_never_stays_is_given_up_until_it_is_wanted_again() -> None:
    async with watched() as it:
        await it.start(a="exit 1")
        it.fleet._members["a"].policy.attempts = 2
        it.fleet.settle()
        told = [await it.next() for _ in range(5)]
        assert [event.again_in for event in told if isinstance(event, Exited)] == pytest.approx(
            [0.05, 0.15, None]
        )
        assert it.fleet.failed == {"a"}
        assert await it.start(a="exit 1") == ["a"]
        assert it.fleet.failed == set()


async def test_a_restart_that_is_no_longer_wanted_does_not_happen() -> None:
    async with watched() as it:
        await it.start(a="exit 1", b="sleep 60")
        it.fleet.settle()
        assert isinstance(await it.next(), Exited)
        await it.fleet.stop(["a"])
        await asyncio.sleep(0.1)  # twice the time to the restart
        assert it.events.empty()
        assert it.fleet.names == ["b"]


async def test_what_cannot_start_is_named_and_those_before_it_are_kept(tmp_path: Path) -> None:
    async with watched() as it:
        wanted = {
            "a": ProcessSpec("a", "sleep 60"),
            "b": ProcessSpec("b", "true", cwd=tmp_path / "gone"),
        }
        with pytest.raises(NotStarted, match="b: cannot start in '.*/gone'") as error:
            await it.fleet.start(wanted)
        assert error.value.name == "b"
        assert it.fleet.names == ["a"]


async def test_what_cannot_start_again_stays_down(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    async with watched() as it:
        await it.fleet.start({"a": ProcessSpec("a", "sleep 60", cwd=folder)})
        it.fleet.settle()
        folder.rmdir()
        os.killpg(it.pid("a"), signal.SIGKILL)
        await it.next()
        told = await it.next()
        assert isinstance(told, Exited)
        assert (told.again_in, it.fleet.failed) == (None, {"a"})
        assert told.reason.startswith("a: cannot start in ")
