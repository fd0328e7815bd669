"""How long a decision about a route takes, without an Envoy: checks by the thousand, and one
request explained against a table of a thousand routes.

    .venv/bin/python bench/debugger/routes.py

Prints one JSON object. Times are medians of several runs, in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from debugger.routing.arriving.manager import ConnectionManager
from debugger.routing.checks.check import checks
from debugger.routing.checks.entries import entries
from debugger.routing.checks.read import read
from debugger.routing.checks.verdict import coverage, judge
from debugger.routing.table import RouteTable
from mesh_patterns.compile import compile_mesh
from mesh_patterns.load import load
from mesh_patterns.placement import Placement
from mesh_traffic import Headers, Request
from xds_server.mirror import serialize
from xds_server.protos import matcher, route

RULES = 10  # of the edge that is checked
MESH = """
mesh:
  services:
    page: {calls: [reviews]}
    reviews: {versions: {v1: , v2: }}
patterns:
  - pattern: route
    on: page -> reviews
    rules:
"""


def median(runs: int, work: Callable[[], object]) -> float:
    took = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return round(1000 * statistics.median(took), 2)


def measure_checks(folder: Path, count: int, runs: int) -> dict[str, float]:
    mesh, expected = folder / "mesh.yaml", folder / "routes.yaml"
    rules = [
        f"      - {{match: {{path: /p{i}, headers: {{x-user: u{i}}}}}, to: v{1 + i % 2}}}\n"
        for i in range(RULES)
    ]
    mesh.write_text(MESH + "".join(rules))
    lines = [
        f"  - {{from: page, to: reviews, path: /p{i % RULES}/{i}, "
        f"headers: {{x-user: u{i % RULES}}}, version: v{1 + i % RULES % 2}}}\n"
        for i in range(count)
    ]
    expected.write_text("routes:\n" + "".join(lines))
    draft = load([mesh])
    placement = Placement.imagined(draft.mesh)
    found = entries(draft, placement, compile_mesh(draft, placement))
    started = time.perf_counter()
    asked = checks(read(expected), draft, found)
    reading = 1000 * (time.perf_counter() - started)
    verdicts = [judge(each) for each in asked]
    assert all(verdict.holds for verdict in verdicts)
    assert coverage(verdicts).reached == RULES
    return {
        "checks": count,
        "routes": RULES + 1,
        "judged_ms": median(runs, lambda: [judge(each) for each in asked]),
        "their_file_read_ms": round(reading, 1),
    }


def measure_explaining(count: int, runs: int) -> dict[str, float]:
    routes = [
        route.Route(
            match=route.RouteMatch(
                prefix=f"/p{i}",
                headers=[
                    route.HeaderMatcher(
                        name="x-user", string_match=matcher.StringMatcher(exact=f"u{i}")
                    )
                ],
            ),
            route=route.RouteAction(cluster="c"),
        )
        for i in range(count - 1)
    ]
    last = route.Route(match=route.RouteMatch(prefix="/"), route=route.RouteAction(cluster="last"))
    host = route.VirtualHost(name="it", domains=["*"], routes=[*routes, last])
    body = serialize(route.RouteConfiguration(name="it", virtual_hosts=[host]))
    table, manager = RouteTable.of(body), ConnectionManager(normalize_path=True)
    fields = (("x-user", "bob"), ("user-agent", "bench"), ("accept", "*/*"))
    request = Request(path="/zz?x=1", authority="it", headers=Headers(fields))
    decision = table.decide(request, manager)
    assert len(decision.looked) == count
    assert decision.taken is not None
    return {
        "routes": count,
        "explained_ms": median(runs * 10, lambda: table.decide(request, manager)),
        "table_compiled_ms": median(runs, lambda: RouteTable.of(body)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=10_000)
    parser.add_argument("--routes", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = {
            "many": measure_checks(Path(folder), asked.checks, asked.runs),
            "one": measure_explaining(asked.routes, asked.runs),
        }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
