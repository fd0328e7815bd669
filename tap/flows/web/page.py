"""The page itself (a door): its server, and the way of an exchange to the browsers."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import socket
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import tornado.httpserver
import tornado.httputil
import tornado.web
from mitmproxy.http import HTTPFlow
from mitmproxy.tools.web import app
from mitmproxy.version import VERSION
from tornado.http1connection import HTTP1Connection

from mesh_traffic import Exchange
from tap.content import Schema
from tap.flows.web import WebError
from tap.flows.web.gate import refusal
from tap.flows.web.handlers import READ_ONLY, ROUTES, Refused, Route, has_entered, settings
from tap.flows.web.holds import Holder, Standing
from tap.flows.web.holds.controls import CONTROLS, EDITED
from tap.flows.web.labels import flow_for
from tap.flows.web.updates import Updates
from tap.flows.web.window import Window
from tap.lines import coverage_line
from tap.live.background import Spawn, background
from tap.live.coverage import Coverage

HOST = "127.0.0.1"
MAX_REQUEST = 64 * 1024  # bytes of a request's headers, and of its body: a token, a flow's id
MAX_EDIT = 8 * 1024 * 1024  # bytes of one that brings a body, of somebody who has the token
IDLE = 300.0  # seconds until a connection without requests is closed

# What is wrong with requests is their senders' trouble: without a handler it goes to the terminal.
logging.getLogger("tornado.general").addHandler(logging.NullHandler())


class Page:
    """The newest exchanges, and the browsers that show them."""

    def __init__(
        self,
        url: str,
        window: Window,
        schema: Schema | None,
        spawn: Spawn,
        holder: Holder | None = None,
    ) -> None:
        self.url = url  # with the token
        self.holder = holder
        self.standings: dict[str, Standing] = {}  # by flow, of those that are or were held
        self.window = window
        self.schema = schema
        self.spawn = spawn
        self.leaving: set[str] = set()  # flows that are being let go
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
        self._forget(self.window.add(exchange, flow))
        self._broadcast_flow("flows/add", flow)

    def hold(self, exchange: Exchange, standing: Standing) -> None:
        """Show one that is or was held, and how it stands with it now; by its id it stays what and
        where it is in the list."""
        flow = flow_for(exchange, standing)
        known = self.window.get(flow.id) is not None
        change = self.window.update if known else self.window.add
        self._forget(change(exchange, flow))
        self.standings[flow.id] = standing
        self._broadcast_flow("flows/update" if known else "flows/add", flow)

    def anew(self, flow_id: str) -> None:
        """Browsers forget what somebody typed there: mitmweb goes on showing it, refused or not."""
        shown = self.window.get(flow_id)
        if shown is not None:
            self._broadcast("flows/remove", flow_id)
            self._broadcast_flow("flows/add", shown.flow)

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
        coverage = coverage_line(self._coverage) if self.holder is None else ""
        told = (VERSION, coverage, older, *self._coverage.notes, self.said)
        return "   ".join(filter(None, told))

    def _tell(self) -> None:
        self._broadcast("state/update", {"version": self.about()})

    def _forget(self, gone: Iterable[str]) -> None:
        for flow_id in gone:
            self.standings.pop(flow_id, None)
            self._broadcast("flows/remove", flow_id)

    def _broadcast_flow(self, kind: Literal["flows/add", "flows/update"], flow: HTTPFlow) -> None:
        if self.browsers:
            values = app.flow_to_json(flow)
            for browser in tuple(self.browsers):
                browser._broadcast_flow(kind, flow, values)

    def _broadcast(self, kind: str, payload: Any) -> None:
        message = Updates._json_dumps({"type": kind, "payload": payload})
        for browser in tuple(self.browsers):
            browser.send(message)


class Application(tornado.web.Application):
    """Every request goes through ``find_handler``: what is not in ``ROUTES`` is refused there."""

    def __init__(self, page: Page, token: str, port: int) -> None:
        self.page = page
        self.master = page  # as mitmproxy's handlers call it
        self.routes = LOOKED_AT if page.holder is None else HELD
        super().__init__(
            [(address, handler) for address, handler, _ in self.routes], **settings(token, port)
        )

    def find_handler(self, request: tornado.httputil.HTTPServerRequest, **kwargs: Any) -> Any:
        method, path = request.method or "", request.path
        why = refusal(method, path, request.headers)
        if not why and not allowed(method, path, self.routes):
            why = f"{method[:20]} {path[:200]}: {_MAY[self.page.holder is not None]}"
        if why:
            return self.get_handler_delegate(request, Refused, {"why": why})
        if method in ("PUT", "POST") and has_entered(request, self.settings):
            assert isinstance(request.connection, HTTP1Connection)
            request.connection.set_max_body_size(self._max_body(path))
        return super().find_handler(request, **kwargs)

    def _max_body(self, path: str) -> int:
        return MAX_EDIT if self.page.holder and re.fullmatch(EDITED, path) else MAX_REQUEST


# First what a holder is given for: it has more methods at an address of the others.
HELD = (*CONTROLS, *ROUTES)
LOOKED_AT = (*ROUTES, *READ_ONLY)
_MAY = {
    False: "captures can be looked at, and nothing else",
    True: "requests can be looked at, and edited, resumed and killed while they are held",
}


def allowed(method: str, path: str, routes: Sequence[Route] = LOOKED_AT) -> bool:
    if method == "GET" and re.fullmatch(r"/static/[\w.-]+", path):
        return True
    return any(method in methods and re.fullmatch(address, path) for address, _, methods in routes)


@asynccontextmanager
async def open_page(
    port: int,
    max_flows: int,
    max_bytes: int,
    schema: Schema | None,
    holder: Holder | None,
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
        page = Page(url, Window(max_flows, max_bytes), schema, spawn, holder)
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
