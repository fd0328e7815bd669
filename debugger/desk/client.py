"""The door to another process's desk: set breakpoints there, hear of holds, release them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from debugger.desk import wire
from debugger.gate.hold import Held, Missed, Release, Released
from tap.live.background import background

CONNECT_WITHIN = 5.0  # seconds
MAX_EVENTS = (
    10_000  # that nobody has taken; beyond it the oldest is dropped, and ``dropped`` says so
)


class DebugError(Exception):
    """The desk is not there, or it refused; the message says why."""


class Desk:
    """A desk from afar. :meth:`event` gives what its gate tells; breakpoints go with it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dropped = 0
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._events: asyncio.Queue[Held | Released | Missed | str | None] = asyncio.Queue()
        self._closed = False

    async def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """One question, and its answer. Raises DebugError where it is refused."""
        if self._closed:
            raise DebugError("the mesh has ended")
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self._writer.write(wire.encode({"n": number, "do": do, **more}))
        told: dict[str, Any] = await answer
        return told

    async def release(self, hold: str, release: Release) -> None:
        """Let a held request go. Raises DebugError; then it is still held, or never was."""
        await self.ask("release", hold=hold, **wire.release_to_json(release))

    async def event(self) -> Held | Released | Missed | str | None:
        """The next thing that happened: the id of a breakpoint that is done is a text, and None is
        the end."""
        return await self._events.get()

    async def follow(self) -> None:
        """Take what the desk says, until it is gone."""
        try:
            while line := await self._reader.readline():
                self._take(wire.decode(line))
        except (OSError, ValueError):
            pass  # it was killed, or speaks another language: an end like any other
        self._closed = True
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(DebugError("the mesh has ended"))
        self._events.put_nowait(None)

    def _take(self, told: dict[str, Any]) -> None:
        asked = self._asked.pop(told.get("n") or 0, None)
        if asked is not None and not asked.done():
            if told.get("event") == "error":
                asked.set_exception(DebugError(str(told.get("message"))))
            else:
                asked.set_result(told)
            return
        event = wire.event_from_json(told)
        if event is None:
            return
        if self._events.qsize() >= MAX_EVENTS:
            self._events.get_nowait()
            self.dropped += 1
        self._events.put_nowait(event)


@asynccontextmanager
async def desk_at(path: Path) -> AsyncIterator[Desk]:
    """The desk of the mesh that serves it at ``path``. Raises DebugError when none is there."""
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            reader, writer = await asyncio.open_unix_connection(path, limit=wire.MAX_LINE)
    except (OSError, TimeoutError) as error:
        raise DebugError(f"no debugger is served at {path}: {error or 'no answer'}") from error
    found = Desk(reader, writer)
    try:
        async with background() as spawn:
            spawn(found.follow(), "debugger")
            yield found
    finally:
        writer.close()
