"""Metrics have the shape of SMI's specification."""

from __future__ import annotations

from typing import Any

import pytest

from debugger.traffic.flow import Flow
from debugger.traffic.smi import Metrics, NoMetrics, resources

TIMES = {10.0: (0.0, 98), 20.0: (0.0, 2)}
METRICS = Metrics(
    [
        Flow("web", "web", "client", 8, 0, "api", "v1", TIMES),
        Flow("web", "web", "client", 2, 1, "api", "v2", TIMES),
        Flow("web", "web", "client", 5, 0, "db", "", TIMES),
        Flow("web", "web", "server", 10, 1, times=TIMES),
        Flow("api-v1", "api", "server", 8, 0, times=TIMES),
        Flow("api-v2", "api", "server", 2, 1, times=TIMES),
        Flow("db", "db", "server", 5, 0, times=TIMES),
    ],
    "2026-01-02T03:04:05Z",
    30.0,
)


def counts(told: dict[str, Any]) -> tuple[int, int]:
    found = {each["name"]: each["value"] for each in told["metrics"]}
    return found["success_count"], found["failure_count"]


def test_one_is_as_the_specification_shows_it() -> None:
    assert METRICS.of("pods", "api-v2") == {
        "apiVersion": "metrics.smi-spec.io/v1alpha1",
        "kind": "TrafficMetrics",
        "resource": {"kind": "Pod", "name": "api-v2", "namespace": "default"},
        "edge": {"direction": "from", "side": "server", "resource": {}},
        "timestamp": "2026-01-02T03:04:05Z",
        "window": "30s",
        "metrics": [
            {"name": "p99_response_latency", "unit": "seconds", "value": "20m"},
            {"name": "p90_response_latency", "unit": "seconds", "value": "10m"},
            {"name": "p50_response_latency", "unit": "seconds", "value": "10m"},
            {"name": "success_count", "value": 1},
            {"name": "failure_count", "value": 1},
        ],
    }


def test_a_service_is_all_of_its_pods() -> None:
    assert counts(METRICS.of("services", "api")) == (9, 1)
    assert counts(METRICS.of("namespaces", "default")) == (23, 2)


def test_a_list_has_a_kind_and_may_be_of_some() -> None:
    told = METRICS.listed("pods", {"app": "api"})
    assert told["kind"] == "TrafficMetricsList"
    assert told["resource"] == {"kind": "Pod", "namespace": "default"}
    assert told["selector"] == {"matchLabels": {"app": "api"}}
    assert [each["resource"]["name"] for each in told["items"]] == ["api-v1", "api-v2"]
    assert len(METRICS.listed("pods", {"app": "api", "version": "v2"})["items"]) == 1
    assert METRICS.listed("pods", {"tier": "x"})["items"] == []


def test_edges_go_both_ways() -> None:
    web = METRICS.edges("pods", "web")["items"]
    assert [(it["edge"]["direction"], it["edge"]["resource"]["name"]) for it in web] == [
        ("to", "api-v1"), ("to", "api-v2"), ("to", "db"),
    ]  # fmt: skip
    (back,) = METRICS.edges("pods", "api-v2")["items"]
    assert back["edge"] == {
        "direction": "from",
        "side": "client",
        "resource": {"kind": "Pod", "name": "web", "namespace": "default"},
    }
    assert counts(back) == (1, 1)
    (service,) = METRICS.edges("services", "api")["items"]
    assert counts(service) == (9, 1)


@pytest.mark.parametrize(("resource", "name"), [("nodes", "a"), ("pods", "nobody")])
def test_what_there_is_not_is_said(resource: str, name: str) -> None:
    for ask in (METRICS.of, METRICS.edges):
        with pytest.raises(NoMetrics, match="no metrics of"):
            ask(resource, name)


def test_what_may_be_asked_is_told() -> None:
    assert resources()["kind"] == "APIResourceList"
    assert {each["name"] for each in resources()["resources"]} >= {"pods", "services"}
