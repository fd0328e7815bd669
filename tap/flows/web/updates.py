"""The live feed of one browser, over WebSocket (a door). One that reads slowly stalls nobody.

mitmweb queues whatever a browser has not read. Here a queue has a bound: beyond it nothing is
queued any more, and when the browser reads again it is told to fetch the list anew, as mitmweb does
after its view was sorted. So a slow browser skips, but what it then shows is whole.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import tornado.websocket
from mitmproxy import flowfilter
from mitmproxy.tools.web import app

if TYPE_CHECKING:
    from tap.flows.web.page import Application

MAX_BROWSERS = 16
MAX_WAITING = 4 * 1024 * 1024  # bytes that wait for one browser
RESET_AFTER = 0.5  # seconds between a browser's reading again and its fetching the list

log = logging.getLogger(__name__)


class Updates(app.ClientConnection):
    application: Application  # type: ignore[assignment] # tornado: its own

    def open(self, *args: Any, **kwargs: Any) -> None:
        page = self.application.page
        if len(page.browsers) >= MAX_BROWSERS:
            self.close(1013, f"{MAX_BROWSERS} browsers are watching already")
            return
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._behind = False
        self._more = asyncio.Event()
        page.browsers.add(self)
        self._task = page.spawn(self._send_all(), "tap browser")

    def on_close(self) -> None:
        if self in self.application.page.browsers:
            self.application.page.browsers.discard(self)
            self._task.cancel()

    def send(self, message: bytes) -> None:
        """Queue it, or count on a later reset."""
        if self._behind:
            return
        if self._bytes + len(message) > MAX_WAITING:
            self._behind = True
            self._waiting.clear()
            self._bytes = 0
        else:
            self._waiting.append(message)
            self._bytes += len(message)
        self._more.set()

    async def _send_all(self) -> None:
        try:
            while True:
                await self._more.wait()
                self._more.clear()
                while self._waiting:
                    message = self._waiting.popleft()
                    self._bytes -= len(message)
                    await self.write_message(message)
                if self._behind:
                    await asyncio.sleep(RESET_AFTER)
                    self._start_anew()
        except tornado.websocket.WebSocketClosedError:
            self.on_close()

    def _start_anew(self) -> None:
        self._behind = False
        self.send(self._json_dumps({"type": "flows/reset"}))
        for name, matches in self.filters.copy().items():
            self.update_filter(name, matches.pattern)

    async def on_message(self, message: str | bytes) -> None:
        """A browser says what it filters by, and nothing else."""
        try:
            said = json.loads(message)["payload"]
            name, expression = str(said["name"]), str(said["expr"])
            if expression:
                flowfilter.parse(expression)
        except (ValueError, TypeError, KeyError, RecursionError):
            self.close(1008, "expected a filter that parses")
            return
        self.update_filter(name, expression)

    @staticmethod
    def _json_dumps(values: dict[str, Any]) -> bytes:
        """In ASCII: a header's half surrogate is no UTF-8, and would end the connection."""
        return json.dumps(values).encode()
