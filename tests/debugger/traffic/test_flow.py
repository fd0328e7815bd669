"""Counters become who asked whom."""

from __future__ import annotations

from typing import Any

import pytest

from debugger.stats.change import Reading
from debugger.stats.naming import Names
from debugger.traffic.flow import Told, flows, together

STATE: dict[str, Any] = {"services": {"web": {"versions": {"v1": {"id": "web-v1"}}}}}
NAMES = Names(
    ["api", "api/v2", "web->db", "local:web-v1", "meshloom:gate"],
    ["inbound-web-v1", "outbound-web"],
)


def reading(**more: int) -> Reading:
    counters = {
        "cluster.api/v2.upstream_rq_completed": 10,
        "cluster.api/v2.upstream_rq_5xx": 2,
        "cluster.api.upstream_rq_completed": 0,
        "cluster.web->db.upstream_rq_completed": 3,
        "cluster.local_web-v1.upstream_rq_completed": 10,
        "cluster.meshloom_gate.upstream_rq_completed": 10,
        "http.inbound-web-v1.downstream_rq_completed": 10,
        "http.outbound-web.downstream_rq_completed": 10,
        "http.admin.downstream_rq_completed": 7,
    }
    times = {"cluster.api/v2.upstream_rq_time": {4.0: (0.1, 9), 80.0: (1.0, 1)}}
    return Reading(0.0, {**counters, **more}, {}, times)


def test_edges_are_clusters_and_what_came_in_is_the_inbound_listener() -> None:
    found = list(flows(STATE, {"web-v1": Told(Reading(0), reading(), NAMES)}))
    shown = [(it.side, it.node, it.service, it.peer, it.version, it.total) for it in found]
    assert shown == [
        ("client", "web-v1", "web", "api", "v2", 10),
        ("client", "web-v1", "web", "db", "", 3),
        ("server", "web-v1", "web", "", "", 10),
    ]
    assert (found[0].ok, found[0].failed) == (8, 2)
    assert found[0].quantile(0.5) == pytest.approx(4.05, abs=0.1)
    assert found[0].quantile(0.99) > 80


def test_of_two_readings_it_is_what_came_between() -> None:
    after = reading(**{"cluster.api/v2.upstream_rq_completed": 15})
    (found,) = flows(STATE, {"web-v1": Told(reading(), after, NAMES)})
    assert (found.total, found.failed, found.quantile(0.5)) == (5, 0, 0.0)


def test_an_envoy_that_started_anew_counts_from_there() -> None:
    before = reading(**{"cluster.api/v2.upstream_rq_completed": 99})
    found = list(flows(STATE, {"web-v1": Told(before, reading(), NAMES)}))
    assert found[0].total == 10


def test_several_together_add_up() -> None:
    found = list(flows(STATE, {"web-v1": Told(Reading(0), reading(), NAMES)}))
    both = together(found[:2], version="")
    assert (both.total, both.failed, both.version) == (13, 2, "")
