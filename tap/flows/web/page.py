"""The page itself (a door): its server, and the way of an exchange to the browsers."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import socket
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import tornado.httpserver
import tornado.httputil
import tornado.web
from mitmproxy.tools.web import app
from mitmproxy.version import VERSION

from mesh_traffic import Exchange
from tap.content import Schema
from tap.flows.web import WebError
from tap.flows.web.gate import refusal
from tap.flows.web.handlers import ROUTES, Refused, settings
from tap.flows.web.labels import flow_for
from tap.flows.web.updates import Updates
from tap.flows.web.window import Window
from tap.lines import coverage_line
from tap.live.background import Spawn, background
from tap.live.coverage import Coverage

HOST = "127.0.0.1"
MAX_REQUEST = 64 * 1024  # bytes of a request's headers, and of its body: a token, a flow's id
IDLE = 300.0  # seconds until a connection without requests is closed

# What is wrong with requests is their senders' trouble: without a handler it goes to the terminal.
logging.getLogger("tornado.general").addHandler(logging.NullHandler())


class Page:
    """The newest exchanges, and the browsers that show them."""

    def __init__(self, url: str, window: Window, schema: Schema | None, spawn: Spawn) -> None:
        self.url = url  # with the token
        self.window = window
        self.schema = schema
        self.spawn = spawn
        self.browsers: set[Updates] = set()
        self.said = ""
        self._coverage = Coverage()

    @property
    def view(self) -> Window:
        """What mitmproxy's handlers know it by."""
        return self.window

    async def follow(self, events: AsyncIterable[Exchange | Coverage]) -> None:
        """Show what a watch sees (``tap.live.client``), to its end; the page stays, and says so."""
        async for event in events:
            if isinstance(event, Coverage):
                self.cover(event)
            else:
                self.show(event)
                await asyncio.sleep(0)  # where events never end, browsers need their turn
        self.say("the mesh has ended")

    def show(self, exchange: Exchange) -> None:
        """It must have gone through the redactor. Never waits."""
        flow = flow_for(exchange)
        for gone in self.window.add(exchange, flow):
            self._broadcast("flows/remove", gone)
        if self.browsers:
            values = app.flow_to_json(flow)
            for browser in tuple(self.browsers):
                browser._broadcast_flow("flows/add", flow, values)

    def cover(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._tell()

    def say(self, words: str) -> None:
        """Something that those who look should know, beside the coverage."""
        self.said = words
        self._tell()

    def about(self) -> str:
        """The line at the foot of the page, after "mitmproxy": its version, and the coverage."""
        gone = self.window.gone
        older = f"{gone:,} older gone from this page" if gone else ""
        told = (VERSION, coverage_line(self._coverage), older, *self._coverage.notes, self.said)
        return "   ".join(filter(None, told))

    def _tell(self) -> None:
        self._broadcast("state/update", {"version": self.about()})

    def _broadcast(self, kind: str, payload: Any) -> None:
        message = Updates._json_dumps({"type": kind, "payload": payload})
        for browser in tuple(self.browsers):
            browser.send(message)


class Application(tornado.web.Application):
    """Every request goes through ``find_handler``: what is not in ``ROUTES`` is refused there."""

    def __init__(self, page: Page, token: str, port: int) -> None:
        self.page = page
        self.master = page  # as mitmproxy's handlers call it
        super().__init__(
            [(address, handler) for address, handler, _ in ROUTES], **settings(token, port)
        )

    def find_handler(self, request: tornado.httputil.HTTPServerRequest, **kwargs: Any) -> Any:
        method, path = request.method or "", request.path
        why = refusal(method, path, request.headers)
        if not why and not allowed(method, path):
            why = f"{method[:20]} {path[:200]}: captures can be looked at, and nothing else"
        if why:
            return self.get_handler_delegate(request, Refused, {"why": why})
        return super().find_handler(request, **kwargs)


def allowed(method: str, path: str) -> bool:
    return any(method in methods and re.fullmatch(address, path) for address, methods in _ALLOWED)


_ALLOWED = (
    (r"/static/[\w.-]+", ("GET",)),
    *((address, methods) for address, _, methods in ROUTES),
)


@asynccontextmanager
async def open_page(
    port: int, max_flows: int, max_bytes: int, schema: Schema | None
) -> AsyncIterator[Page]:
    """Raises WebError for a port that can't be listened on."""
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise WebError(f"{HOST}:{port}: {error.strerror or error}") from error
    listening.setblocking(False)
    port, token = listening.getsockname()[1], secrets.token_hex(16)
    async with background() as spawn:
        url = f"http://{HOST}:{port}/?token={token}"
        page = Page(url, Window(max_flows, max_bytes), schema, spawn)
        server = tornado.httpserver.HTTPServer(
            Application(page, token, port),
            max_header_size=MAX_REQUEST,
            max_body_size=MAX_REQUEST,
            idle_connection_timeout=IDLE,
        )
        server.add_socket(listening)
        try:
            yield page
        finally:
            server.stop()
            for browser in tuple(page.browsers):
                browser.close(1001, "meshloom tap has ended")
            await server.close_all_connections()
