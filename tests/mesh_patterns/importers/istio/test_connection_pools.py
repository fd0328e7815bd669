"""What a connectionPool comes down to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.importers.istio.connection_pools import UNLIMITED
from mesh_patterns.policy import CircuitBreaker, ConnectionPool, Keepalive

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
FOREVER = {"max_connections": UNLIMITED, "max_pending_requests": UNLIMITED}
SECOND = timedelta(seconds=1)


def rule(pool: str) -> str:
    return f"""---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: a}}
spec: {{host: a, trafficPolicy: {{connectionPool: {pool}}}}}
"""


def settings(draft: Draft) -> dict[str, Any]:
    return {name: placed.value for name, placed in draft.edges["client", "a"].settings.items()}


@pytest.mark.parametrize(
    ("pool", "meaning"),
    [
        (
            "{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 2, http2MaxRequests: 3, "
            "maxRetries: 4}}",
            CircuitBreaker(1, 2, 3, 4),
        ),
        (
            "{http: {http2MaxRequests: 3, maxRetries: 0}}",
            CircuitBreaker(**FOREVER, max_requests=3, max_retries=UNLIMITED),
        ),
        ("{http: {maxRequestsPerConnection: 1}}", None),
    ],
)
def test_its_limits_are_a_circuit_breaker(imported: Import, pool: str, meaning: Any) -> None:
    found = settings(imported(rule(pool)))
    assert found.get("circuit_breaker") == meaning


@pytest.mark.parametrize(
    ("pool", "meaning"),
    [
        ("{tcp: {connectTimeout: 1s}}", ConnectionPool(connect_timeout=SECOND)),
        ("{tcp: {maxConnectionDuration: 1s}}", ConnectionPool(max_connection_duration=SECOND)),
        (
            "{tcp: {tcpKeepalive: {time: 60s, interval: 1s, probes: 3}}}",
            ConnectionPool(keepalive=Keepalive(60 * SECOND, SECOND, 3)),
        ),
        (
            "{http: {idleTimeout: 1s, maxRequestsPerConnection: 5}}",
            ConnectionPool(idle_timeout=SECOND, max_requests_per_connection=5),
        ),
        ("{http: {maxRequestsPerConnection: 0, h2UpgradePolicy: DO_NOT_UPGRADE}}", None),
        (
            "{http: {h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 9}}",
            ConnectionPool(protocol="http2", max_concurrent_streams=9),
        ),
        ("{http: {useClientProtocol: true}}", ConnectionPool(protocol="downstream")),
        ("{tcp: {maxConnections: 1}}", None),
    ],
)
def test_the_rest_of_it_is_of_connections(imported: Import, pool: str, meaning: Any) -> None:
    assert settings(imported(rule(pool))).get("connection_pool") == meaning


@pytest.mark.parametrize(
    ("pool", "left_out"),
    [
        ("{tcp: {idleTimeout: 1s}}", "connectionPool.tcp.idleTimeout"),
        ("{http: {maxConcurrentStreams: 5}}", "maxConcurrentStreams without HTTP/2"),
        ("{tcp: {tcpKeepalive: {after: 5s}}}", "connectionPool.tcp.tcpKeepalive.after"),
        ("{udp: {a: 1}}", "connectionPool.udp"),
    ],
)
def test_what_is_left_out_is_told(imported: Import, told: Told, pool: str, left_out: str) -> None:
    assert any(left_out in line for line in told(imported(rule(pool))))
