"""A mesh in the test's own process: real Envoys, and every event that it reports."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from mesh_patterns.load import load
from mini_mesh.envoy_binary import EnvoyBinary, EnvoyNotFound, find
from mini_mesh.events import Event
from mini_mesh.mesh import MiniMesh
from mini_mesh.options import Options

E = TypeVar("E")

CLIENTS = 4  # requests at a time

SERVER = """
import http.server, json, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"said": sys.argv[1], "pid": os.getpid(), "env": dict(os.environ)})
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *args):
        pass
if "--die" in sys.argv:
    sys.exit("no more")
address = ("127.0.0.1", int(os.environ["PORT"]))
http.server.ThreadingHTTPServer(address, Answer).serve_forever()
"""


def needs_envoy() -> EnvoyBinary:
    """The Envoy to test with; without one the test is skipped."""
    try:
        return find()
    except EnvoyNotFound as missing:
        pytest.skip(str(missing))


def server(folder: Path) -> str:
    """The start of a ``run:`` command: a server that answers with its argument and environment."""
    script = folder / "server.py"
    script.write_text(SERVER)
    return f"exec {sys.executable} -ISu {script}"


class Live:
    """A started mesh and what it reported."""

    def __init__(self, mesh: MiniMesh, file: Path, events: list[Event]) -> None:
        self.mesh, self.file, self.events = mesh, file, events
        self._news = asyncio.Event()

    def heard(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    async def start(self, text: str) -> None:
        self.file.write_text(text)
        await self.mesh.start(load([self.file]))

    async def change(self, text: str) -> None:
        """Until every Envoy has accepted or refused it."""
        self.file.write_text(text)
        await self.mesh.change(load([self.file]))
        async with asyncio.timeout(15):
            await self.mesh.control.in_effect()

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[E], holds: Callable[[E], bool] = lambda event: True) -> E:
        """The first event of ``kind`` of which ``holds``, reported already or soon."""
        async with asyncio.timeout(15):
            while True:
                for event in self.all(kind):
                    if holds(event):
                        return event
                self._news.clear()
                await self._news.wait()

    def url(self, service: str) -> str:
        return str(self.mesh.state()["services"][service]["url"])

    async def ask(self, service: str, path: str = "/", **headers: str) -> tuple[int, Any]:
        """A request of the client's to ``service``: the status and the answer."""
        async with aiohttp.ClientSession() as session:
            return await ask(session, self.url(service) + path, **headers)


async def ask(session: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, Any]:
    async with session.get(url, headers=headers) as response:
        text = await response.text()
        return response.status, json.loads(text) if text.startswith("{") else text


@asynccontextmanager
async def opened(folder: Path, **options: Any) -> AsyncIterator[Live]:
    """A mesh that has not started; after it nothing is left. ``options`` are further ones."""
    run = folder / "run"
    run.mkdir()
    events: list[Event] = []
    hear: list[Callable[[Event], None]] = []
    run_with = Options(needs_envoy(), run, **options)
    async with MiniMesh(run_with, lambda event: hear[0](event)) as mesh:
        live = Live(mesh, folder / "mesh.yaml", events)
        hear.append(live.heard)
        yield live


@asynccontextmanager
async def started(folder: Path, text: str, **options: Any) -> AsyncIterator[Live]:
    """A mesh that answers."""
    async with opened(folder, **options) as live:
        await live.start(text)
        yield live


class Traffic:
    """What a stream of requests sees: the status and the version that answered, for each."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str]] = []
        self._news = asyncio.Event()

    def saw(self, status: int, version: str) -> None:
        self.seen.append((status, version))
        self._news.set()

    async def more(self, count: int = 200, but: int = 0) -> set[tuple[int, str]]:
        """What is seen next: ``count`` of it, without the first ``but``, already on their way."""
        start = len(self.seen)
        async with asyncio.timeout(15):
            while len(self.seen) < start + count:
                self._news.clear()
                await self._news.wait()
        return set(self.seen[start + but :])

    @property
    def failed(self) -> list[tuple[int, str]]:
        return [(status, version) for status, version in self.seen if status != 200]


@asynccontextmanager
async def traffic(live: Live, service: str) -> AsyncIterator[Traffic]:
    """Requests to ``service`` without a break."""
    traffic, url = Traffic(), live.url(service)

    async def client() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                status, answer = await ask(session, url)
                told = answer.get("version", "") if isinstance(answer, dict) else answer
                traffic.saw(status, told)

    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(client()) for _ in range(CLIENTS)]
        yield traffic
        for task in clients:
            task.cancel()
