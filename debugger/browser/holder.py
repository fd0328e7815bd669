"""The door between a desk and the page: what is held is shown, what is let go there is released."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable

from debugger.browser.difference import edit_of
from debugger.browser.rows import Row, Rows
from debugger.desk.client import DebugError, Desk
from debugger.gate.answers import Abort
from debugger.gate.edit import EditError
from debugger.gate.hold import Missed, Release, Released
from mesh_traffic import Exchange
from tap.flows.web.holds import Refused
from tap.flows.web.page import Page
from tap.lines import printable
from tap.live.coverage import Coverage

# What a client gets of a request that is killed. mitmproxy closes the connection; an Envoy can't be
# told to do that, and other requests share it.
KILLED = Abort(503, b"killed in the debugger\n", {"content-type": "text/plain"})


class DeskHolder:
    """A ``tap.flows.web.holds.Holder``."""

    def __init__(self, desk: Desk) -> None:
        self.rows = Rows()
        self._desk = desk
        self._asked: dict[str, asyncio.Event] = {}  # holds that the desk was asked to release

    async def resume(self, flow_id: str, changed: Exchange) -> None:
        row = self._row(flow_id)
        try:
            edit = edit_of(row.held.exchange, changed, row.held.phase)
        except EditError as error:
            raise Refused(str(error)) from error
        await self._release(row, Release("continue", edit), changed)

    async def kill(self, flow_id: str) -> None:
        row = self._row(flow_id)
        await self._release(row, Release("abort", abort=KILLED), row.held.exchange)

    def _row(self, flow_id: str) -> Row:
        row = self.rows.waits(flow_id)
        if row is None:
            raise Refused("it is not held")
        return row

    async def _release(self, row: Row, release: Release, sent: Exchange) -> None:
        hold = row.held.id
        answered = self._asked[hold] = asyncio.Event()
        try:
            await self._desk.release(hold, release)
            row.sent = sent
        except DebugError as error:
            raise Refused(str(error)) from error
        finally:
            del self._asked[hold]
            answered.set()

    async def follow(self, page: Page, waiting: str) -> None:
        """Show what is held, to the end of the mesh. ``waiting`` is what is said while it waits."""
        page.say(waiting)
        said = waiting
        while (event := await self._desk.event()) is not None:
            if isinstance(event, Released) and (asked := self._asked.get(event.id)) is not None:
                await asked.wait()  # whether it was us is said after that it was released
            if isinstance(event, Missed):
                said = printable(f"missed at {event.node}: {event.why}")
            elif isinstance(event, str):
                said = f"breakpoint {event} has held all that it was to hold"
            elif (row := self.rows.heard(event)) is not None:
                page.hold(row.shown, row.standing)
            page.say(f"{self.rows.waiting:,} held   {self.rows.passed:,} let go   {said}")
            await asyncio.sleep(0)  # where events never end, browsers need their turn
        for row in self.rows.ended():
            page.hold(row.shown, row.standing)
        page.say("the mesh has ended")

    async def complete(self, page: Page, events: AsyncIterable[Exchange | Coverage]) -> None:
        """Show what became of those that were let go, as a tap tells it (``tap.live.client``)."""
        async for event in events:
            row = self.rows.captured(event) if isinstance(event, Exchange) else None
            if row is not None and page.window.get(row.flow_id) is not None:
                page.hold(row.shown, row.standing)
            await asyncio.sleep(0)
