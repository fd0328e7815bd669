"""Which services virtual nodes are, and what their listeners say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mesh_patterns.importers.conversion import Converted
from mesh_yaml.place import DocumentError
from tests.mesh_patterns.importers.app_mesh.conftest import (
    SHOP,
    Made,
    Patterns,
    node,
    route,
    service,
)

Convert = Callable[..., Converted]
Said = Callable[..., list[str]]
SPLIT = route("api", "all", to={"api-v1": 1, "api-v2": 1})


def services(converted: Convert, *documents: Made) -> dict[str, Any]:
    (tree,) = converted(*documents).trees
    found: Any = tree.find("mesh", "services").plain()
    return dict(found)


def test_nodes_behind_a_router_are_versions_and_backends_are_calls(converted: Convert) -> None:
    found = services(converted, *SHOP, SPLIT)
    assert found["api"]["versions"] == {"v1": {}, "v2": {}}
    assert "api.demo.local" in found["api"]["hosts"]
    assert found["web"]["calls"] == ["api"]
    assert "versions" not in found["web"]


def test_a_host_outside_is_an_external_service(converted: Convert) -> None:
    found = services(
        converted, node("pay", host="pay.example.com"), service("pay.example.com", node="pay")
    )
    assert found["pay"]["external"] == {"addresses": ["pay.example.com:80"]}


def test_a_listener_says_who_is_well_who_is_left_out_and_how_much_is_open(
    made: Patterns, said: Said
) -> None:
    whole = node(
        "a",
        healthCheck={
            "protocol": "http", "path": "/up", "intervalMillis": 5000, "timeoutMillis": 2000,
            "healthyThreshold": 2, "unhealthyThreshold": 3,
        },
        outlierDetection={
            "maxServerErrors": 5, "interval": {"unit": "s", "value": 10},
            "baseEjectionDuration": {"unit": "ms", "value": 500}, "maxEjectionPercent": 50,
        },
        connectionPool={"http": {"maxConnections": 10, "maxPendingRequests": 20}},
        timeout={"http": {"perRequest": {"unit": "s", "value": 3}}},
        tls={"mode": "STRICT", "certificate": {"file": {}}},
    )  # fmt: skip
    assert made(whole) == [
        {
            "pattern": "health_check", "on": "a", "protocol": "http", "interval": "5000ms",
            "timeout": "2000ms", "healthy_threshold": 2, "unhealthy_threshold": 3, "path": "/up",
        },
        {
            "pattern": "outlier_detection", "on": "a", "consecutive_5xx": 5, "interval": "10s",
            "base_ejection_time": "500ms", "max_ejection_percent": 50,
        },
        {
            "pattern": "circuit_breaker", "on": "a", "max_connections": 10,
            "max_pending_requests": 20,
        },
        {"pattern": "timeout", "on": "a", "after": "3s"},
        {"pattern": "mtls", "on": "a", "mode": "strict"},
    ]  # fmt: skip
    assert any("limits are those of each caller" in line for line in said(whole))


def test_a_log_to_a_device_is_told_and_one_to_a_file_lies_beside(
    made: Patterns, said: Said
) -> None:
    def logged(path: str) -> Made:
        whole = node("a")
        whole["spec"]["logging"] = {"accessLog": {"file": {"path": path}}}
        return whole

    assert made(logged("/dev/stdout")) == []
    assert any("/dev/stdout" in line for line in said(logged("/dev/stdout")))
    assert made(logged("/var/log/a.log"))[0]["file"] == "a.log"


def test_a_mesh_that_lets_all_out_is_told(said: Said) -> None:
    mesh = {"meshName": "m", "spec": {"egressFilter": {"type": "ALLOW_ALL"}}}
    assert any("ALLOW_ALL" in line for line in said(node("a"), mesh))
    mesh["spec"] = {"egressFilter": {"type": "DROP_ALL"}}
    assert not any("egressFilter" in line for line in said(node("a"), mesh))


def test_a_backend_group_is_all_that_is_in_it(converted: Convert) -> None:
    def kubernetes(kind: str, name: str, spec: Made) -> Made:
        version = "appmesh.k8s.aws/v1beta2"
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}

    listener = [{"portMapping": {"port": 80, "protocol": "grpc"}}]
    found = services(
        converted,
        kubernetes("VirtualNode", "a", {"listeners": listener, "backendGroups": [{"name": "g"}]}),
        kubernetes("VirtualNode", "b", {"listeners": listener}),
        kubernetes(
            "VirtualService", "b", {"provider": {"virtualNode": {"virtualNodeRef": {"name": "b"}}}}
        ),
        kubernetes("BackendGroup", "g", {"virtualservices": [{"name": "b"}]}),
    )
    assert found["a"]["calls"] == ["b"]
    assert found["b"]["protocol"] == "grpc"


def test_pods_are_selected_by_expressions_too(converted: Convert, made: Patterns) -> None:
    def kubernetes(version: str, kind: str, name: str, **more: Any) -> Made:
        metadata = {"name": name, **more.pop("metadata", {})}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}

    chosen = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}]}
    whole = node("x", healthCheck={"protocol": "http"})["spec"] | {"podSelector": chosen}
    found = made(
        kubernetes("v1", "Pod", "p", metadata={"labels": {"app": "a"}}, spec={}),
        kubernetes("appmesh.k8s.aws/v1beta2", "VirtualNode", "x", spec=whole),
    )
    assert [each["on"] for each in found] == ["p"]


@pytest.mark.parametrize(
    ("document", "line"),
    [
        (node("a", tls={"mode": "MAYBE"}), "unknown mode 'MAYBE'"),
        (node("a", tls={}) | {"spec": {"listeners": {}}}, "expected a list, got a mapping"),
        (node("a", healthCheck={"protocol": "grpc"}), "can't be asked by gRPC"),
        (
            node("a", outlierDetection={"maxServerErrors": 1, "interval": {"unit": "h"}}),
            "a time has no 'value'",
        ),
        (node("a/b"), "'a/b' is no name of a host"),
    ],
)
def test_what_is_wrong_is_one_line(converted: Convert, document: Made, line: str) -> None:
    with pytest.raises(DocumentError, match=line) as caught:
        converted(document)
    assert all("\n" not in str(each) for each in caught.value.problems)


def test_too_many_objects_are_refused_at_once(converted: Convert) -> None:
    with pytest.raises(DocumentError, match="too many to look through"):
        converted(*(node(f"n{i}") for i in range(3200)))
