"""Whether ten viewers with different filters cost an Envoy what one costs, in paired runs.

    .venv/bin/python bench/tap/viewers.py [--pairs N] [--seconds N] [--connections N]

One viewer watches everything with bodies. Ten have filters on the status, the path, bodies and
more. Both kinds of run follow each other; the ratios are ten's by one's, the numbers medians of
pairs. ``CPU`` is the Envoy's own for each request. The hub's own work for ten, filters and queues,
is on the other core, which it shares with the load: so is what it takes of the requests a second.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.tap.rig import WATCHED, Bench, least, spread

TEN = (
    "status >= 500",
    "status == 200",
    "path == /reviews/1",
    "path ~ ^/ratings",
    "~m GET",
    "~b x{100}",
    "~bq teapot",
    "header content-type ~ json & latency > 5ms",
    "service == reviews",
    "flags == UO | latency > 1s",
)
TEN_VIEWERS = replace(WATCHED, name="ten viewers", viewers=TEN)


async def compare(bench: Bench, pairs: int) -> None:
    runs = []
    for _ in range(pairs):
        runs.append((await bench.run(WATCHED), await bench.run(TEN_VIEWERS)))
    print(f"ten viewers by one, {pairs} pairs of {bench.seconds} s")
    print(f"  requests/s            × {spread([ten.rate / one.rate for one, ten in runs])}")
    print(f"  CPU of each request   × {spread([ten.cpu_us / one.cpu_us for one, ten in runs])}")
    for name, each in (("one", [one for one, _ in runs]), ("ten", [ten for _, ten in runs])):
        print(
            f"  {name}: {statistics.median(told.rate for told in each):,.0f}/s, "
            f"{statistics.median(told.cpu_us for told in each):.0f} µs of CPU a request, "
            f"{least(each).shares()}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.seconds, options.connections)
        asyncio.run(compare(bench, options.pairs))


if __name__ == "__main__":
    main()
