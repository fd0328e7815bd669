from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import of_cluster

TIMES = {"interval": "2s", "timeout": "1s", "healthy_threshold": 1, "unhealthy_threshold": 3}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            {"http_health_check": {"path": "/ok", "host": "x", "expected_statuses": [
                {"start": 200, "end": 300}, {"start": 404, "end": 405}]}},
            {"protocol": "http", "path": "/ok", "statuses": ["200..299", "404"]},
        ),
        ({"grpc_health_check": {"service_name": "a.B"}}, {"protocol": "grpc", "service": "a.B"}),
        ({"tcp_health_check": {}}, {"protocol": "tcp"}),
    ],
)  # fmt: skip
def test_a_question_is_ours(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    found = of_cluster("it", "10.0.0.1:80", health_checks=[{**TIMES, **theirs}])
    assert found.patterns("health_check") == [{"on": "it", **TIMES, **ours}]


def test_a_second_one_and_one_of_another_kind_are_told() -> None:
    checks = [
        {**TIMES, "custom_health_check": {"name": "redis"}},
        {**TIMES, "tcp_health_check": {}},
    ]
    found = of_cluster("it", "10.0.0.1:80", health_checks=checks)
    assert found.patterns("health_check") == []
    assert "a second health check (cluster 'it')" in found.notes
    assert "a health check of another kind (cluster 'it')" in found.notes
