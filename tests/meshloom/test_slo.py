"""``meshloom slo`` of a mesh that runs."""

from __future__ import annotations

from pathlib import Path

from tests.meshloom.command import get, inside, up, write

MESH = """
mesh: {services: {shop: {calls: [prices], ingress: true}, prices: }}
patterns:
- {pattern: objective, on: prices, availability: 90%, latency: {p99: 5s}}
- {pattern: objective, on: shop, availability: 99%}
- {pattern: fault, on: prices, abort: {status: 503}, when: {headers: {x-fail: now}}}
"""


def test_a_broken_promise_is_told_with_the_edge_that_broke_it(tmp_path: Path) -> None:
    with up(write(tmp_path, MESH)) as mesh:
        ready = mesh.ready()
        chosen = ("--mesh", str(ready["pid"]))
        nothing = inside("slo", *chosen)
        assert (nothing.code, nothing.err) == (0, "no request so far\n")
        url = ready["ingress"] + "/"
        assert {get(url).status for _ in range(8)} == {200}
        kept = inside("slo", *chosen)
        assert kept.code == 0
        assert "100% of the budget left" in kept.out
        for _ in range(2):
            get(url, **{"x-fail": "now"})
        broken = inside("slo", *chosen)
        assert broken.code == 1
        assert "✗ prices" in broken.out
        assert "2 failed at shop -> prices" in broken.out
        events = inside("slo", "--json", *chosen).events
        assert {(each["service"], each["what"], each["holds"]) for each in events} == {
            ("prices", "availability", False),
            ("prices", "p99", True),
            ("shop", "availability", True),
        }


def test_who_promised_nothing_can_not_break_it(tmp_path: Path) -> None:
    with up(write(tmp_path, "mesh: {services: {web: }}")) as mesh:
        done = inside("slo", "--mesh", str(mesh.ready()["pid"]))
    assert (done.code, done.out) == (2, "")
    assert "no service has an 'objective'" in done.err
