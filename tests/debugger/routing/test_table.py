from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from mesh_traffic import Request
from tests.debugger.routing.comparing import PLAINTEXT, Sides, prepared
from tests.debugger.routing.oracle import Table, oracle
from tests.debugger.routing.tables import requests, tables
from tests.mini_mesh.live import needs_envoy

EACH = 20  # requests to one table
# The whole run: MESHLOOM_ROUTES=10000 [MESHLOOM_ROUTES_SEED=7] pytest tests/debugger/routing
WANTED = int(os.environ.get("MESHLOOM_ROUTES", "1000"))
SEED = int(os.environ.get("MESHLOOM_ROUTES_SEED", "1"))
AT_ONCE = 250  # tables of one Envoy
SHOWN = 5


def generated(count: int) -> list[tuple[Table, list[Request]]]:
    found: list[tuple[Table, list[Request]]] = []

    @seed(SEED)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(tables(), st.lists(requests(), min_size=EACH, max_size=EACH))
    def collect(table: Table, sent: list[Request]) -> None:
        found.append((table, sent))

    collect()
    return found


def test_every_decision_is_envoys(tmp_path: Path) -> None:
    binary = needs_envoy()
    cases = generated(WANTED // EACH)
    compared = undecided = 0
    wrong: list[str] = []
    for start in range(0, len(cases), AT_ONCE):
        batch = cases[start : start + AT_ONCE]
        with oracle(binary, tmp_path, [table for table, _ in batch]) as envoy:
            for i, (table, sent) in enumerate(batch):
                routes, manager = prepared(table, envoy.ports[i])
                for request in sent:
                    ours = routes.decide(request, manager, PLAINTEXT)
                    sides = Sides(table, request, ours, envoy.ask(i, request))
                    compared += 1
                    undecided += bool(ours.undecided)
                    if found := sides.differ():
                        wrong.append(found)
    print(f"{compared} requests to {len(cases)} tables, {undecided} undecided, {len(wrong)} wrong")
    assert not wrong, f"{len(wrong)} of {compared}:\n" + "\n".join(wrong[:SHOWN])
    assert undecided < compared / 10
    assert compared >= WANTED
