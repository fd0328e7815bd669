"""How fluid ``meshloom tap --tui`` stays, full and with exchanges coming in.

    .venv/bin/python -m bench.tap.tui [--rate 1000] [--seconds 10] [--fill 50000] [--sort took]

A process of its own stands for the hub: it fills the application's memory as fast as it is read,
then sends ``rate`` a second, 14 headers and a body of 500 bytes on either side. Printed: how late
the event loop was (what a key waits for at least), how long keys took until all was painted, the
share of one core, and memory. Nothing is written to a terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from textual.events import Key

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, Timing
from meshloom.tap.tui.app import TapApp
from meshloom.tap.tui.session import Session
from tap.live import wire
from tap.live.client import watch
from tap.live.coverage import Coverage

SIZE = (160, 48)
FIELDS = [(f"x-header-{n}", f"value {n} of a header") for n in range(14)]
BODY = Body(b'{"item": "teapot", "count": 2}' * 17, size=510)


def exchanges() -> Iterator[Exchange]:
    for n in itertools.count():
        status, took = (200, 200, 200, 503)[n % 4], (n * 7919 % 1000) / 10_000
        yield Exchange(
            f"{n:x}",
            "web-1",
            Request("POST", f"/reviews/{n}", "reviews:9080", headers=Headers.of(FIELDS), body=BODY),
            Response(status, Headers.of(FIELDS), BODY),
            request_id=f"request-{n // 3}",
            direction="outbound",
            source=Endpoint("web", "v1", "127.0.0.1:5"),
            destination=Endpoint("reviews", "v2", "127.0.0.1:6"),
            started=1_800_000_000 + n / 1000,
            duration=took,
            flags=("UO",) if status == 503 else (),
            timing=Timing(0.0, 0.001, took, took),
            sources=("admin_tap", "access_log"),
        )


def hub(path: Path, fill: int, rate: int) -> None:
    """Serve one client: ``fill`` exchanges, a coverage, then ``rate`` a second."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (wire.encode(each) for each in exchanges())
        writer.write(wire.encode(Coverage(1, 1)))
        for line in itertools.islice(lines, fill):
            writer.write(line)
            await writer.drain()
        start, sent = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - start) * rate) - sent
            writer.write(b"".join(itertools.islice(lines, due)))
            sent += due
            await writer.drain()
            await asyncio.sleep(0.005)

    async def serve() -> None:
        server = await asyncio.start_unix_server(answer, path)
        await server.serve_forever()

    asyncio.run(serve())


class Lag:
    """How late the event loop wakes somebody who sleeps for 5 ms."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.collecting: list[float] = []  # seconds of each full run of the garbage collector
        self._since = 0.0
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            self._since = time.monotonic()
        elif about["generation"] == 2:
            self.collecting.append(time.monotonic() - self._since)

    async def measure(self) -> None:
        while True:
            start = time.monotonic()
            await asyncio.sleep(0.005)
            self.late.append(time.monotonic() - start - 0.005)


async def measure(path: Path, options: argparse.Namespace) -> None:
    session, lag = Session(), Lag()
    app = TapApp(lambda: watch(path, bodies=True), session)
    async with app.run_test(size=SIZE) as pilot, asyncio.TaskGroup() as tasks:
        start = time.monotonic()
        busy = time.process_time()
        await _until(lambda: session.memory.next >= options.fill)
        took, busy = time.monotonic() - start, time.process_time() - busy
        print(f"filled: {options.fill:,} in {took:.1f} s, {busy:.1f} s of a core")
        while session.listing.order != options.sort:
            await pilot.press("s")
        await pilot.pause(1)
        measuring = tasks.create_task(lag.measure())
        await _report("live", session, lag, options.seconds)
        start = time.monotonic()
        session.match("~b teapot & status == 503")
        await _until(lambda: not session.listing.unmatched)
        print(f"filter of a body: {(time.monotonic() - start) * 1000:.0f} ms")
        session.match("")
        await _until(lambda: not session.listing.unmatched)
        keys = []
        for key in ["up"] * 50 + ["pageup"] * 30 + ["down"] * 20:
            keys.append(await _pressed(app, session, key))
            await asyncio.sleep(0.05)
        print(f"keys   {_shares(keys)}")
        await _report("held", session, lag, options.seconds)
        measuring.cancel()
    print(
        f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most,"
        f" {session.memory.bytes / 2**20:.0f} MiB counted for {len(session.memory):,}"
    )


async def _pressed(app: TapApp, session: Session, key: str) -> float:
    """Seconds from a key to the screen with another selected row, its details filled in."""
    before, painted, start = session.selected, asyncio.Event(), time.monotonic()
    app.post_message(Key(key, None))
    while session.selected is before:  # noqa: ASYNC110 - the session knows nothing of who waits
        await asyncio.sleep(0)
    app.call_after_refresh(painted.set)
    await painted.wait()
    return time.monotonic() - start


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what is measured knows nothing of it
        await asyncio.sleep(0.01)


async def _report(name: str, session: Session, lag: Lag, seconds: float) -> None:
    lag.late.clear()
    lag.collecting.clear()
    came, busy, start = session.memory.next, time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - start
    rate = (session.memory.next - came) / took
    core = (time.process_time() - busy) / took
    print(f"{name:6} {rate:,.0f}/s   {core:.0%} of a core   loop late {_shares(lag.late)}")
    if lag.collecting:
        print(f"       full garbage collections: {[round(each, 3) for each in lag.collecting]} s")


def _shares(times: list[float]) -> str:
    ordered = sorted(times)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"p50 {p50 * 1000:.1f}   p99 {p99 * 1000:.1f}   max {ordered[-1] * 1000:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--fill", type=int, default=50_000)
    parser.add_argument("--sort", default="time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tap.sock"
        serving = multiprocessing.get_context("spawn").Process(
            target=hub, args=(path, options.fill, options.rate), daemon=True
        )
        serving.start()
        while not path.exists():
            time.sleep(0.02)
        try:
            asyncio.run(measure(path, options))
        finally:
            serving.kill()


if __name__ == "__main__":
    main()
