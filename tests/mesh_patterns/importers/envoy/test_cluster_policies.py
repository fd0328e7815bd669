from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import of_cluster

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def http(**config: Any) -> dict[str, Any]:
    made = {"@type": f"type.googleapis.com/{OPTIONS}", **config}
    return {"typed_extension_protocol_options": {OPTIONS: made}}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"connect_timeout": "0.25s"}, {"connect_timeout": "0.25s"}),
        ({"http2_protocol_options": {}}, {"protocol": "http2"}),
        (http(explicit_http_config={"http2_protocol_options": {}}), {"protocol": "http2"}),
        (http(use_downstream_protocol_config={}), {"protocol": "downstream"}),
        (
            http(common_http_protocol_options={"idle_timeout": "60s"}),
            {"idle_timeout": "60s"},
        ),
        (
            {"upstream_connection_options": {"tcp_keepalive": {"keepalive_time": 30}}},
            {"tcp_keepalive": {"idle": "30s"}},
        ),
        (
            {
                "http2_protocol_options": {
                    "max_concurrent_streams": 10,
                    "connection_keepalive": {"interval": "30s", "timeout": "5s"},
                }
            },
            {
                "protocol": "http2", "max_concurrent_streams": 10,
                "ping": {"interval": "30s", "timeout": "5s"},
            },
        ),
    ],
)  # fmt: skip
def test_connections_are_a_pool(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    assert of_cluster("it", "10.0.0.1:80", **theirs).patterns("connection_pool") == [
        {"on": "it", **ours}
    ]


def test_limits_are_a_circuit_breaker() -> None:
    limits = [
        {"max_connections": 5, "max_retries": "2", "track_remaining": True},
        {"priority": "HIGH", "max_connections": 9},
    ]
    hosts = [{"max_connections": 3}]
    found = of_cluster(
        "it", "10.0.0.1:80",
        circuit_breakers={"thresholds": limits, "per_host_thresholds": hosts},
    )  # fmt: skip
    assert found.patterns("circuit_breaker") == [
        {"on": "it", "max_connections": 5, "max_retries": "2", "max_connections_per_host": 3}
    ]
    assert "circuit_breakers of priority HIGH (cluster 'it')" in found.notes


def test_where_the_echo_stands_in_http_2_is_grpc() -> None:
    found = of_cluster("it", "backend:80", http2_protocol_options={})
    assert found.services["it"]["protocol"] == "grpc"


def test_a_cluster_with_settings_has_a_port_so_that_they_are_its_callers() -> None:
    found = of_cluster("it", "10.0.0.1:80", connect_timeout="1s")
    assert found.services["it"]["ingress"] == {"port": 8080, "hosts": ["*"]}
