"""How long it takes to explain one request against a table of many routes.

    .venv/bin/python bench/debugger/explain.py [--routes 1000]

The last route matches. ``first`` is the very first explanation, which reads the resources and
compiles the table; ``again`` are the next ones of the same snapshot; ``lines`` and ``json`` are
what it takes to write one down. Prints one JSON object, times are medians in milliseconds.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from debugger.explain import observed
from debugger.explain.arriving.asked import of_exchange
from debugger.explain.data import as_data
from debugger.explain.explanation import Explanation, explain
from debugger.explain.lines import lines
from debugger.explain.served import Served
from mesh_patterns.compile import compile_mesh
from mesh_patterns.load import load
from mesh_patterns.placement import Placement
from mesh_traffic import Endpoint, Exchange, Headers, Request, Response, Timing

MESH = """
mesh:
  services:
    page: {calls: [reviews]}
    reviews: {versions: {v1: , v2: }}
patterns:
  - {pattern: retries, on: page -> reviews, attempts: 3, retry_on: [5xx]}
  - pattern: route
    on: page -> reviews
    rules:
"""
LISTENER = "outbound-page"


def answer(folder: Path, count: int) -> dict[str, Any]:
    """What the control plane would say of the caller's node."""
    rules = (
        f"      - {{match: {{path: /p{i}, headers: {{x-user: u{i}}}}}, to: v{1 + i % 2}}}\n"
        for i in range(count - 1)
    )
    file = folder / "mesh.yaml"
    file.write_text(MESH + "".join(rules))
    draft = load([file])
    snapshot = compile_mesh(draft, Placement.imagined(draft.mesh))["page"]
    resources = [
        {
            "type": each.type.title,
            "name": each.name,
            "version": each.version,
            "body": base64.b64encode(each.body).decode(),
            "origins": dict(each.origins),
        }
        for each in snapshot
    ]
    return {"node": "page", "kind": "envoy", "since": 0.0, "resources": resources}


def exchange() -> Exchange:
    headers = Headers.of({"x-user": "nobody", "accept": "*/*", "user-agent": "bench"})
    return Exchange(
        "1",
        "page",
        Request("GET", "/reviews/1", "reviews", headers=headers),
        Response(200),
        direction="outbound",
        source=Endpoint("page"),
        destination=Endpoint("reviews", "v1", "127.0.0.1:1"),
        started=10.0,
        cluster="reviews",
        attempts=1,
        details="via_upstream",
        timing=Timing(sent=0.001),
        sources=("tap", "access log"),
    )


def median(runs: int, work: Callable[[], object]) -> float:
    took = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return round(1000 * statistics.median(took), 2)


def main() -> None:
    import tempfile

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--routes", type=int, default=1000)
    options.add_argument("--runs", type=int, default=50)
    given = options.parse_args()
    seen = exchange()
    with tempfile.TemporaryDirectory() as folder:
        told = answer(Path(folder), given.routes)
    served = Served(told)

    def one(served: Served = served) -> Explanation:
        return explain(served, of_exchange(seen), observed.of_exchange(seen), seen.started)

    found = one()
    assert found.derived is not None
    assert found.derived.decision is not None
    print(
        json.dumps(
            {
                "routes": len(found.derived.decision.looked),
                "first": median(max(3, given.runs // 10), lambda: one(Served(told))),
                "again": median(given.runs, one),
                "lines": median(given.runs, lambda: list(lines(found))),
                "json": median(given.runs, lambda: json.dumps(as_data(found), default=str)),
            }
        )
    )


if __name__ == "__main__":
    main()
