"""What captures by ext_proc cover and cost, by rate, beside those of a buffered tap.

    .venv/bin/python bench/tap/ext_proc.py [--seconds N] [--rates 200,600,1200,0] [--body BYTES]

A mesh as ``meshloom up`` runs it, whose ingress answers by itself. Its Envoy runs on the first
core; the hub, a viewer of everything and the load (a process of its own) share the second. Rate 0
is as fast as 32 connections go. The columns:

    asked/s    requests that were answered, and the slowest hundredth of them in ms
    whole      the share of them that was shown with headers and bodies
    summary    that was shown with what the access log knows only
    lost       that the hub counted as lost, be it with a summary or without
    unseen     that was neither shown nor counted
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from meshloom.capture import Name
from meshloom.testing import LiveMesh, mesh
from tap.live.coverage import Coverage
from tap.live.viewer import Viewer

CONNECTIONS = 32
MESH = """
mesh: {services: {web: {ingress: true}}}
patterns:
- pattern: route
  on: web
  rules: [{match: {path: {prefix: /}}, respond: {status: 200, body: "%s"}}]
"""


@dataclass(frozen=True)
class Way:
    name: str
    capture: Name
    watched: bool = True


WAYS = (
    Way("ext_proc, nobody watches", "ext_proc", watched=False),
    Way("ext_proc", "ext_proc"),
    Way("buffered", "buffered"),
)


def load(told: Connection, port: int, rate: int, seconds: float, body: int) -> None:
    """In a process of its own: the time that each request took."""
    told.send(asyncio.run(loading(port, rate, seconds, body)))


async def loading(port: int, rate: int, seconds: float, body: int) -> list[float]:
    took: list[float] = []
    begun = time.perf_counter()
    step = CONNECTIONS / rate if rate else 0.0
    head = f"POST /a HTTP/1.1\r\nhost: web\r\nx-some: header\r\ncontent-length: {body}\r\n\r\n"
    request = head.encode() + b"x" * body

    async def ask(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        due = begun + number * step / CONNECTIONS
        while (now := time.perf_counter()) < begun + seconds:
            if now < due:
                await asyncio.sleep(due - now)
            due += step
            asked = time.perf_counter()
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r")[0]))
            took.append(time.perf_counter() - asked)
        writer.close()

    await asyncio.gather(*map(ask, range(CONNECTIONS)))
    return took


async def run(way: Way, file: Path, rate: int, options: Any) -> str:
    async with mesh(file, capture=way.capture) as live:
        on_core(0, live.state["envoys"]["ingress"]["pid"])
        shown: Counter[bool] = Counter()
        if not way.watched:
            took = await asked(live, rate, options)
            return line(way, rate, took, options.seconds, "")
        with live.hub.watch() as viewer:
            reading = asyncio.ensure_future(read(viewer, shown))
            while live.hub.coverage().watching < 2:  # noqa: ASYNC110 (the viewer is read above)
                await asyncio.sleep(0.05)
            await asyncio.sleep(1.5)  # the first look at Envoy's counters
            took = await asked(live, rate, options)
            await settled(viewer)
            reading.cancel()
            return line(way, rate, took, options.seconds, share(took, shown, viewer.coverage()))


async def read(viewer: Viewer, shown: Counter[bool]) -> None:
    while True:
        event = await viewer.next()
        if not isinstance(event, Coverage):
            shown[event.sources != ("access log",)] += 1


async def asked(live: LiveMesh, rate: int, options: Any) -> list[float]:
    ours, theirs = multiprocessing.Pipe()
    port = int(live.ingress.rpartition(":")[2].strip("/"))
    given = (theirs, port, rate, options.seconds, options.body)
    process = multiprocessing.Process(target=load, args=given)
    process.start()
    took: list[float] = await asyncio.to_thread(ours.recv)
    process.join()
    return sorted(took)


async def settled(viewer: Viewer) -> None:
    """Until nothing more comes, and Envoy's counters have been looked at twice."""
    last = None
    while last != (last := (viewer.coverage().seen, viewer.coverage().lost)):  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(2.5)


def share(took: list[float], shown: Counter[bool], coverage: Coverage) -> str:
    whole, summary = shown[True] / len(took), shown[False] / len(took)
    lost = coverage.lost / len(took)
    unseen = max(0.0, 1 - whole - max(summary, lost))
    return f"{whole:>9.3f}{summary:>9.3f}{lost:>9.3f}{unseen:>9.3f}"


def line(way: Way, rate: int, took: list[float], seconds: float, told: str) -> str:
    slow = took[len(took) * 99 // 100] * 1000
    return f"{way.name:<26}{rate or 'full':>6}{len(took) / seconds:>9,.0f}{slow:>9.1f}{told}"


def on_core(number: int, pid: int = 0) -> None:
    """All threads of a process that runs already, or this one."""
    cores = sorted(ALL)
    for task in Path(f"/proc/{pid or os.getpid()}/task").iterdir():
        os.sched_setaffinity(int(task.name), {cores[number % len(cores)]})


ALL = os.sched_getaffinity(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rates", default="200,600,1200,0")
    parser.add_argument("--body", type=int, default=0, help="bytes of each request and response")
    options = parser.parse_args()
    on_core(1)
    heads = ("rate", "asked/s", "p99 ms", "whole", "summary", "lost", "unseen")
    print(f"{'':<26}{heads[0]:>6}" + "".join(f"{head:>9}" for head in heads[1:]))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mesh.yaml")
        file.write_text(MESH % ("x" * (options.body or 200)))
        for rate in map(int, options.rates.split(",")):
            for way in WAYS:
                print(asyncio.run(run(way, file, rate, options)), flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
