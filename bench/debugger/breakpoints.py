"""What breakpoints cost: to attach, to requests that they do not mean, and to those that are held.

    .venv/bin/python bench/debugger/breakpoints.py [--rate 300] [--seconds 6] [--rounds 5]

A real ``meshloom up`` of one service behind an ingress; the load and the upstream are a program in
Go (bench/tap/go). Latencies are medians of rounds that alternate with rounds without a breakpoint,
under the same load, in the same run. A held request is released at once by a client of the desk's
socket, in a process of its own: what that takes is what holding costs beyond the person's time.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import aiohttp

from bench.tap.mesh import Mesh, mesh
from bench.tap.rig import BYTES, built
from debugger.desk.client import Desk, desk_at
from debugger.gate.hold import Held, Release

CONNECTIONS = 16
ATTACHED = 50  # times
HELD = 300  # one after the other
AT_ONCE = 1000
NOT_MEANT = "ingress when header plan == team"


class Load:
    """Requests at a rate; ``lost`` are those that a connection was dropped under."""

    def __init__(self, program: Path, port: int, rate: int, seconds: int) -> None:
        self._command = [
            str(program), "pace", *map(str, (port, CONNECTIONS, seconds, BYTES, rate)),
        ]  # fmt: skip
        self._wanted = rate * seconds
        self.lost = 0

    async def run(self) -> float:
        """The median latency in ms."""
        running = await asyncio.create_subprocess_exec(*self._command, stdout=subprocess.PIPE)
        out, _ = await running.communicate()
        took = [int(line.split()[2]) / 1000 for line in out.splitlines()]
        self.lost += self._wanted - len(took)
        return statistics.median(took)


def desk(running: Mesh) -> AbstractAsyncContextManager[Desk]:
    path = running.tap_socket.with_name("debug.sock")
    while not path.exists():  # the mesh is there a moment before
        time.sleep(0.02)
    return desk_at(path)


async def attach(running: Mesh, load: Load) -> None:
    """Under load: nobody's connection may go."""
    on, off = [], []
    async with desk(running) as here:
        begun = asyncio.create_task(load.run())
        for _ in range(ATTACHED):
            await asyncio.sleep(0.02)
            start = time.perf_counter()
            made = (await here.ask("break", sentence=NOT_MEANT))["breakpoint"]["id"]
            on.append(time.perf_counter() - start)
            start = time.perf_counter()
            await here.ask("remove", breakpoint=made)
            off.append(time.perf_counter() - start)
        await begun
    print(f"attach, until the Envoy goes by it   {spread(on)}")
    print(f"detach, until what it held has gone  {spread(off)}")
    print(f"connections dropped meanwhile        {load.lost} requests lost")


def spread(times: list[float]) -> str:
    ordered = sorted(1000 * each for each in times)
    return f"median {statistics.median(ordered):5.1f} ms, most {ordered[-1]:5.1f} ms"


async def beside(running: Mesh, load: Load, rounds: int, held: int, what: str) -> None:
    """The latency of requests that are not meant, over that without a breakpoint."""
    ratios, plain = [], []
    for _ in range(rounds):
        before = await load.run()
        async with desk(running) as here, holding(running, here, held):
            ratios.append(await load.run() / before)
        plain.append(before)
    low, high = min(ratios), max(ratios)
    print(
        f"{what:<36} × {statistics.median(ratios):.2f} ({low:.2f}–{high:.2f})   "
        f"without {statistics.median(plain):.2f} ms, {load.lost} lost",
        flush=True,
    )


@asynccontextmanager
async def holding(running: Mesh, here: Desk, count: int) -> AsyncIterator[None]:
    """A breakpoint, with so many requests that it holds."""
    await here.ask("break", sentence=NOT_MEANT)
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        asked = [asyncio.create_task(ask(running, session)) for _ in range(count)]
        names = [await held(here) for _ in range(count)]
        yield
        for each in names:
            await here.release(each, Release())
            await here.event()
        await asyncio.gather(*asked)


async def ask(running: Mesh, session: aiohttp.ClientSession, plan: str = "team") -> float:
    """Seconds until the answer."""
    start = time.perf_counter()
    url = f"http://127.0.0.1:{running.port}/held"
    async with session.get(url, headers={"plan": plan}) as answer:
        await answer.read()
        assert answer.status == 200, answer.status
    return time.perf_counter() - start


async def held(here: Desk) -> str:
    event = await here.event()
    assert isinstance(event, Held), event
    return event.id


async def hold_and_release(running: Mesh) -> None:
    async with desk(running) as here, aiohttp.ClientSession() as session:
        plain = [await ask(running, session) for _ in range(HELD)]
        await here.ask("break", sentence=NOT_MEANT)

        async def release() -> None:
            while True:
                event = await here.event()
                if isinstance(event, Held):
                    await here.release(event.id, Release())

        releasing = asyncio.create_task(release())
        stopped = [await ask(running, session) for _ in range(HELD)]
        releasing.cancel()
    extra = 1000 * (statistics.median(stopped) - statistics.median(plain))
    tail = 1000 * (sorted(stopped)[int(0.99 * HELD)] - statistics.median(plain))
    print(f"hold and release at once             median {extra:.1f} ms, p99 {tail:.1f} ms more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = built(folder)
        with mesh(folder, program) as running:
            load = Load(program, running.port, options.rate, options.seconds)
            asyncio.run(measure(running, load, options.rounds))


async def measure(running: Mesh, load: Load, rounds: int) -> None:
    await attach(running, load)
    await beside(running, load, rounds, 0, "requests that are not meant")
    await beside(running, load, rounds, AT_ONCE, f"the same, while {AT_ONCE:,} are held")
    await hold_and_release(running)


if __name__ == "__main__":
    main()
