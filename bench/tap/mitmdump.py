"""Everything captured by Envoy and the hub, beside mitmproxy in the path: the same requests.

    .venv/bin/python bench/tap/mitmdump.py [--rounds N] [--seconds N] [--connections N]

In each round the same load goes, one after the other, through an Envoy without captures, an Envoy
whose every exchange is captured with bodies, redacted, watched and stored, and ``mitmdump`` as a
reverse proxy: as it is, and writing flows to a file (``-w``). Envoy, with one worker, or mitmdump
has the first core; load and upstream share the other, with the hub where there is one. Medians of
the rounds; ratios are within a round, to the ``mitmdump`` that stores nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.tap.rig import NOTHING, STORED, Bench, Told, free_port, least, process, spread

MITMDUMP = Path(sys.executable).with_name("mitmdump")
NAMES = ("Envoy", "Envoy, everything captured", "mitmdump", "mitmdump -w")


async def through_mitmdump(bench: Bench, *options: str) -> Told:
    port, upstream = free_port(), free_port()
    mode = ["--mode", f"reverse:http://127.0.0.1:{upstream}"]
    listen = ["--listen-host", "127.0.0.1", "--listen-port", str(port)]
    own = ["--set", f"confdir={bench.folder}"]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(bench.upstream(upstream))
        command = [*bench.proxy, str(MITMDUMP), "-q", *mode, *listen, *own, *options]
        running = await stack.enter_async_context(process(*command))
        await listens(port)
        return await bench.load(port, running.pid)


async def listens(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise RuntimeError("mitmdump did not come up")


async def one_round(bench: Bench) -> list[Told]:
    flows = bench.folder / "flows"
    return [
        await bench.run(NOTHING),
        await bench.run(STORED),
        await through_mitmdump(bench),
        await through_mitmdump(bench, "-w", str(flows)),
    ]


async def compare(bench: Bench, rounds: int) -> None:
    runs = [await one_round(bench) for _ in range(rounds)]
    for at, name in enumerate(NAMES):
        each = [run[at] for run in runs]
        print(
            f"{name:<28}{middle([told.rate for told in each]):8,.0f}/s   "
            f"p50 {middle([told.p50_ms for told in each]):6.2f} ms   "
            f"p99 {middle([told.p99_ms for told in each]):6.2f} ms   "
            f"CPU {middle([told.cpu_us for told in each]):6.0f} µs   {least(each).shares()}"
        )
    rates = [ours.rate / theirs.rate for _, ours, theirs, _ in runs]
    tails = [ours.p99_ms / theirs.p99_ms for _, ours, theirs, _ in runs]
    print(f"everything captured by mitmdump: requests/s × {spread(rates)} p99 × {spread(tails)}")


def middle(numbers: Sequence[float]) -> float:
    return statistics.median(numbers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.seconds, options.connections)
        asyncio.run(compare(bench, options.rounds))


if __name__ == "__main__":
    main()
