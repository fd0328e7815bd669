"""The door to a running mesh's desk: a Unix socket that only its owner may open.

Whoever comes gets answers to what it asks, and hears of what its breakpoints hold, or of all that
is held if it says ``watch``. When it leaves, its breakpoints go, and what they held goes its way,
unless it said ``keep``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from debugger.desk import wire
from debugger.desk.desk import Desk
from debugger.gate.gate import GateError
from debugger.gate.hold import Done, Event, Held, Missed, Released
from mesh_yaml.suggest import suggest
from tap.live.background import background
from tap.sources.private_socket import bound

MAX_UNREAD = 64 * 1024 * 1024  # bytes that somebody may not have read before we hang up

log = logging.getLogger(__name__)


@asynccontextmanager
async def serve(desk: Desk, path: Path) -> AsyncIterator[None]:
    """Offer ``desk`` at ``path`` (mode 0600) while inside. Raises OSError."""
    with bound(path) as listening:
        async with background() as spawn:

            def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                spawn(_Client(desk, writer).run(reader), "debug client")

            server = await asyncio.start_unix_server(connected, sock=listening, limit=wire.MAX_LINE)
            try:
                yield
            finally:
                server.close()


class _Client:
    """Who came, the breakpoints that are its own, and what these hold."""

    def __init__(self, desk: Desk, writer: asyncio.StreamWriter) -> None:
        self._desk = desk
        self._writer = writer
        self._own: set[str] = set()
        self._kept: set[str] = set()  # of these, what stays when it leaves
        self._holds: set[str] = set()
        self._watches = False
        self._table: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]] = {
            "break": self._break,
            "list": self._list,
            "remove": self._remove,
            "release": self._release,
            "watch": self._watch,
        }

    async def run(self, reader: asyncio.StreamReader) -> None:
        try:
            with self._desk.listening(self._heard):
                while line := await reader.readline():
                    self._say(await self._answer(line))
                    await self._writer.drain()
        except (OSError, ValueError):  # it has gone, or its line has no end
            log.debug("a debug client left", exc_info=True)
        except Exception:  # one client's trouble is nobody else's
            log.exception("a debug client's session ended")
        finally:
            for one in self._own - self._kept:
                with suppress(GateError):  # it may be done
                    self._desk.remove(one)
            self._writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        asked: dict[str, Any] = {}
        try:
            asked = wire.decode(line)
            name = asked.get("do")
            answer = self._table.get(str(name))
            if answer is None:
                raise wire.WireError(f"unknown word {name!r}{suggest(str(name), self._table)}")
            return {"n": asked.get("n"), "event": "answer", **await answer(asked)}
        except ValueError as error:  # what was asked is none, or can't be done
            return {"n": asked.get("n"), "event": "error", "message": str(error)}

    async def _break(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        topology = self._desk.gate.topology
        made = replace(wire.breakpoint_of(asked, topology.services()), id=self._desk.gate.new_id())
        self._own.add(made.id)  # it may hold something before we know that it is there
        try:
            await self._desk.add(made)
        except GateError:
            self._own.discard(made.id)
            raise
        if asked.get("keep"):
            self._kept.add(made.id)
        nodes = sorted(made.place.listeners(topology))
        return {"breakpoint": wire.breakpoint_to_json(made), "nodes": nodes}

    async def _list(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        gate = self._desk.gate
        return {
            "breakpoints": [
                wire.breakpoint_to_json(one, gate.count(one.id)) for one in gate.breakpoints
            ],
            "holds": [wire.event_to_json(held) for held in gate.holds],
        }

    async def _remove(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._desk.remove(str(asked.get("breakpoint")))
        return {}

    async def _release(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._desk.release(str(asked.get("hold")), wire.release_of(asked))
        return {}

    async def _watch(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """All that is held from now on, and what is held now."""
        self._watches = True
        for held in self._desk.gate.holds:
            self._heard(held)
        return {}

    def _heard(self, event: Event) -> None:
        if self._watches or self._is_own(event):
            self._say(wire.event_to_json(event))

    def _is_own(self, event: Event) -> bool:
        if isinstance(event, Released):
            known = event.id in self._holds
            self._holds.discard(event.id)
            return known
        if isinstance(event, Held):
            if event.breakpoint in self._own:
                self._holds.add(event.id)
            return event.breakpoint in self._own
        if isinstance(event, Missed):
            return event.breakpoint in self._own
        return isinstance(event, Done) and event.breakpoint.id in self._own

    def _say(self, told: Mapping[str, Any]) -> None:
        transport = self._writer.transport
        if transport.get_write_buffer_size() > MAX_UNREAD:
            transport.abort()
        if not transport.is_closing():
            self._writer.write(wire.encode(told))
