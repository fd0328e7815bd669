"""What captures cost an Envoy: requests a second beside an Envoy without any, in paired runs.

    .venv/bin/python bench/tap/cost.py [--pairs N] [--seconds N] [--connections N]

Envoy runs on the first core with one worker; load, upstream and the hub share the others. The load
and the upstream are a program in Go (bench/tap/go), so Go has to be there. Each scenario is run in
turns with an Envoy that has neither tap filter nor access log; the numbers are medians of pairs.
``CPU`` is the Envoy's own for each request, whatever else its core had to do; ``captured`` and
``with bodies`` are shares of the answered requests, the least of all pairs: a hub that falls behind
leaves out bodies first.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.tap.rig import NOTHING, STORED, WATCHED, Bench, Scenario, least, spread

SCENARIOS = (
    Scenario("tap filter there, nobody watches", filters=True),
    Scenario("access log of everything", filters=True, logs=True),
    Scenario("the same, stored", filters=True, logs=True, store=True),
    WATCHED,
    STORED,
)


async def compare(bench: Bench, scenario: Scenario, pairs: int) -> None:
    rates, tails, cpus, runs = [], [], [], []
    for _ in range(pairs):
        before = await bench.run(NOTHING)
        told = await bench.run(scenario)
        rates.append(told.rate / before.rate)
        tails.append(told.p99_ms / before.p99_ms)
        cpus.append(told.cpu_us / before.cpu_us)
        runs.append(told)
    print(
        f"{scenario.name:<34}requests/s × {spread(rates)} CPU × {spread(cpus)} "
        f"p99 × {statistics.median(tails):5.2f}   {told.rate:,.0f}/s   {least(runs).shares()}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.seconds, options.connections)
        for scenario in SCENARIOS:
            asyncio.run(compare(bench, scenario, options.pairs))


if __name__ == "__main__":
    main()
