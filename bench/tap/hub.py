"""What one exchange costs the hub, from an Envoy's bytes to the store, on one core.

    .venv/bin/python bench/tap/hub.py [--rounds N]

The bytes are what an Envoy sends for requests with 20 fields and two bodies of 2 KiB of JSON, each
one different: its traces and its access log, recorded before. Each step is timed with all before
it; the best of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import aiohttp
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.tap.rig import WATCHED, bootstrap, free_port, process, ready
from mesh_traffic import Exchange
from mini_mesh.envoy_binary import find
from tap.access_log import LogReader
from tap.live.feed import Feed
from tap.redact import Redactor
from tap.sources.access_log import access_logs
from tap.sources.admin_tap import AdminTap
from tap.sources.source import Attached, Chunk
from tap.store import Store
from tap.topology import Endpoint, Listener, Topology
from tap.traces.request import TapRequest

COUNT = 2000
AT_ONCE = 8
ITEMS = [{"id": n, "name": f"thing {n}", "price": 1.5} for n in range(44)]
FIELDS = {f"x-header-{n}": f"value {n} of some length" for n in range(10)}


@dataclass
class Recorded:
    """``traces``: as they came; ``logs``: one message each."""

    topology: Topology
    traces: list[bytes] = field(default_factory=list)
    logs: list[bytes] = field(default_factory=list)

    def open(self) -> Recorded:
        return self

    def receive(self, data: bytes) -> None:
        self.logs.append(data)

    def end(self) -> None:
        """The Envoy ended."""


def body(number: int) -> str:
    return json.dumps({"order": number, "items": ITEMS})[:2048]


async def answer(request: web.Request) -> web.Response:
    await request.read()
    fields = {"x-served-by": "reviews-2", "cache-control": "no-store"}
    text = body(int(request.path.rpartition("/")[2]))
    return web.Response(text=text, content_type="application/json", headers=fields)


@asynccontextmanager
async def upstream(port: int) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def load(port: int) -> None:
    numbers = iter(range(COUNT))

    async def ask(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            url, fields = f"http://127.0.0.1:{port}/reviews/{number}", FIELDS
            kind = {"content-type": "application/json"}
            async with session.post(url, data=body(number), headers=fields | kind) as answered:
                await answered.read()

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(ask(session) for _ in range(AT_ONCE)))


async def record(folder: Path) -> Recorded:
    port, admin, behind = free_port(), free_port(), free_port()
    socket = folder / "logs.sock"
    kept = Recorded(
        Topology(
            {f"127.0.0.1:{port}": Listener("bench", "outbound", "web", "v1")},
            {f"127.0.0.1:{behind}": Endpoint("reviews", "v2")},
        )
    )
    config = bootstrap(WATCHED, port, admin, behind, socket)
    command = [str(find().path), "--config-yaml", config, "--concurrency", "1"]
    async with (
        upstream(behind),
        access_logs(socket, kept.open),
        process(*command, "--disable-hot-restart", "-l", "error"),
    ):
        await ready(admin)
        async with aclosing(AdminTap(f"127.0.0.1:{admin}", TapRequest()).events()) as events:
            assert isinstance(await anext(events), Attached)
            loading = asyncio.ensure_future(load(port))
            while sum(map(traces_in, kept.traces)) < COUNT:
                event = await anext(events)
                assert isinstance(event, Chunk), event
                kept.traces.append(event.data)
            await loading
            await asyncio.sleep(0.2)  # the last of the log
    return kept


def traces_in(data: bytes) -> int:
    return data.count(b'"http_buffered_trace"')


class Steps:
    """The hub's work on what was recorded."""

    def __init__(self, recorded: Recorded, folder: Path) -> None:
        self._recorded = recorded
        self._folder = folder

    def feed(self, redact: Callable[[Exchange], Exchange]) -> Feed:
        return Feed("bench", self._recorded.topology, map(str, count()), redact, logged=True)

    def decoded(self) -> None:
        self.traced(plain)

    def redacted(self) -> None:
        self.traced(Redactor())

    def traced(self, redact: Callable[[Exchange], Exchange]) -> None:
        feed = self.feed(redact)
        found = [one for data in self._recorded.traces for one in feed.receive(data, 1.0)]
        assert len(found) == COUNT

    def logged(self) -> None:
        feed, reader = self.feed(plain), LogReader()
        found = [one for data in self._recorded.logs for one in feed.log(reader.receive(data), 1.0)]
        assert len(found) == COUNT

    def joined(self) -> list[Exchange]:
        feed, reader = self.feed(Redactor()), LogReader()
        feed.tapped = True
        for data in self._recorded.traces:
            assert not feed.receive(data, 1.0)
        found = [one for data in self._recorded.logs for one in feed.log(reader.receive(data), 1.0)]
        assert len(found) == COUNT
        assert {len(one.sources) for one in found} == {2}
        return found

    def stored(self) -> None:
        path = self._folder / f"{time.monotonic_ns()}.tap"
        store = Store(path)
        store.add(self.joined())
        assert store.close().stored == COUNT
        path.unlink()


def plain(exchange: Exchange) -> Exchange:
    return exchange


def best(rounds: int, action: Callable[[], object]) -> float:
    """µs of one exchange, best of the rounds: of processor time, since others use the cores."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return min(times) / COUNT * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recorded = asyncio.run(record(folder))
        steps = Steps(recorded, folder)
        size = (sum(map(len, recorded.traces)) + sum(map(len, recorded.logs))) / COUNT
        print(f"{size:,.0f} bytes of an Envoy for one exchange")
        for label, action in (
            ("trace decoded and assembled", steps.decoded),
            ("the same, redacted", steps.redacted),
            ("entry of the access log", steps.logged),
            ("both joined, redacted", steps.joined),
            ("the same, stored", steps.stored),
        ):
            took = best(rounds, action)
            print(f"{label:<32}{took:8.1f} µs   {1e6 / took:10,.0f} a second")


if __name__ == "__main__":
    main()
