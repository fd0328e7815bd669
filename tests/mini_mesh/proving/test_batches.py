from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.load import load
from mini_mesh.proving.batches import batches

MESH = """\
mesh: {services: {web: {calls: [shop]}, shop: }}
expect:
- {to: web, status: 200}
- {to: shop, status: 200}
- {to: web, upstream: {web: 1}, send: 1}
- {to: web, send: 51, status: 200}
- {to: web, status: 200, stats: {web: {server.live: 0}}}
- {to: shop, status: 200}
"""


def sizes(folder: Path, patterns: str = "") -> list[int]:
    file = folder / "mesh.yaml"
    file.write_text(MESH + patterns)
    return [len(batch) for batch in batches(load([file]))]


def test_a_claim_that_counts_or_sends_much_runs_alone(tmp_path: Path) -> None:
    assert sizes(tmp_path) == [2, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "pattern",
    [
        "pattern: circuit_breaker, on: web -> shop, max_connections: 1",
        "pattern: rate_limit, on: shop, limit: 10/min",
        "pattern: connection_limit, on: shop, connections: 2",
    ],
)
def test_in_a_mesh_with_limits_every_claim_runs_alone(tmp_path: Path, pattern: str) -> None:
    assert sizes(tmp_path, f"patterns:\n- {{{pattern}}}\n") == [1] * 6
