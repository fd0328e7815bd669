"""What the gate's filter costs an Envoy while nobody is held: paired runs beside one without it.

    .venv/bin/python bench/debugger/idle.py [--pairs N] [--seconds N] [--connections N]

Envoy runs on the first core with one worker, load and upstream (bench/tap/go) on the others. The
filter's config is the one that a mesh's Envoys get: without a breakpoint, and with one that no
request means. Medians of pairs; ``CPU`` is the Envoy's own for each request.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.tap.cost import compare
from bench.tap.rig import Bench, Scenario
from mesh_patterns.compile.gate import NAME, Row, extension
from tap.ext_proc.matcher import header
from xds_server.mirror import render
from xds_server.protos import xds_matcher


def scenario(name: str, rows: Sequence[Row]) -> Scenario:
    resource = extension("bench", rows)
    config = render(resource.type.type_url, resource.body)["typed_config"]
    return Scenario(name, more=({"name": NAME, "typed_config": config},))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    unmet = Row(header("x-plan", xds_matcher.StringMatcher(exact="team")))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.seconds, options.connections)
        for each in (
            scenario("the gate, and no breakpoint", ()),
            scenario("a breakpoint that nothing meets", (unmet,)),
        ):
            asyncio.run(compare(bench, each, options.pairs))


if __name__ == "__main__":
    main()
