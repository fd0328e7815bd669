"""Load reports are added up, and what is kept of them is bounded."""

from __future__ import annotations

from itertools import count

import pytest

from xds_server.clients import load_reports
from xds_server.clients.load_reports import (
    ClusterLoad,
    Load,
    LoadReport,
    LoadReports,
    Metric,
    Place,
)
from xds_server.node import NodeInfo

HERE, THERE = Place(zone="here"), Place(zone="there", priority=1)
ONE, TWO = NodeInfo("one"), NodeInfo("two")


def load(cluster: str = "a", **localities: Load) -> ClusterLoad:
    places = {"here": HERE, "there": THERE}
    return ClusterLoad(
        cluster, seconds=5.0, localities={places[k]: v for k, v in localities.items()}
    )


def test_reports_of_a_node_add_up_and_what_is_in_progress_is_the_newest() -> None:
    reports = LoadReports()
    reports.record(ONE, [load(here=Load(10, 7, 1, 2))])
    reports.record(ONE, [load(here=Load(5, 6, 0, 1), there=Load(1, 0, 1))])
    total = reports.totals("one")["a"]
    assert total.localities == {HERE: Load(15, 13, 1, 1), THERE: Load(1, 0, 1, 0)}
    assert total.seconds == 10.0
    assert total.requests == Load(16, 13, 2, 1)


def test_a_locality_that_is_not_reported_any_more_has_nothing_in_progress() -> None:
    reports = LoadReports()
    reports.record(ONE, [load(here=Load(10, 7, 1, 2))])
    reports.record(ONE, [load()])
    assert reports.totals()["a"].localities == {HERE: Load(10, 7, 1, 0)}


def test_nodes_are_told_apart_and_together() -> None:
    reports = LoadReports()
    reports.record(TWO, [load(here=Load(1, 1)), load("b", here=Load(2, 2))])
    reports.record(ONE, [load(here=Load(3, 3))])
    assert reports.nodes() == ("one", "two")
    assert reports.totals("one")["a"].requests == Load(3, 3)
    assert reports.totals()["a"].requests == Load(4, 4)
    assert reports.totals()["b"].requests == Load(2, 2)
    assert reports.totals("three") == {}


def test_requests_in_progress_at_several_places_add_up() -> None:
    assert load(here=Load(in_progress=2), there=Load(in_progress=3)).requests.in_progress == 5
    reports = LoadReports()
    for node in (ONE, TWO):
        reports.record(node, [load(here=Load(in_progress=2))])
    assert reports.totals()["a"].requests.in_progress == 4


def test_metrics_drops_and_endpoints_add_up_by_name() -> None:
    cpu, memory = Metric(2, 1.0), Metric(1, 0.25)
    one = ClusterLoad(
        "a",
        localities={HERE: Load(metrics={"cpu": cpu})},
        endpoints={"10.0.0.1:80": Load(2, 2)},
        dropped=3,
        dropped_by={"throttle": 2},
    )
    two = ClusterLoad(
        "a",
        localities={HERE: Load(metrics={"cpu": cpu, "memory": memory})},
        endpoints={"10.0.0.2:80": Load(1, 1)},
        dropped=1,
        dropped_by={"lb": 1},
    )
    both = one + two
    assert both.requests.metrics == {"cpu": Metric(4, 2.0), "memory": memory}
    assert both.requests.metrics["cpu"].mean == 0.5
    assert both.endpoints == {"10.0.0.1:80": Load(2, 2), "10.0.0.2:80": Load(1, 1)}
    assert (both.dropped, both.dropped_by) == (4, {"throttle": 2, "lb": 1})


def test_a_listener_is_told_of_each_report_with_its_time() -> None:
    heard: list[LoadReport] = []
    clock = count(100.0)
    reports = LoadReports(on_report=heard.append, clock=lambda: next(clock))
    reports.record(ONE, [load(here=Load(1, 1))])
    assert heard == [LoadReport(ONE, (load(here=Load(1, 1)),), 100.0)]
    assert reports.last("one") == heard[0]
    assert reports.last("two") is None


def test_who_reported_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_reports, "MAX_KEPT", 2)
    reports = LoadReports()
    for node in (ONE, TWO, ONE, NodeInfo("three")):
        reports.record(node, [load(here=Load(1, 1))])
    assert reports.nodes() == ("one", "three")
    assert reports.totals()["a"].requests == Load(3, 3)
    assert reports.forgotten == 1


def test_the_parts_of_a_cluster_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_reports, "MAX_PARTS", 1)
    both = load(here=Load(1, 1)) + load(here=Load(1, 1), there=Load(1, 1))
    assert both.localities == {HERE: Load(2, 2)}
