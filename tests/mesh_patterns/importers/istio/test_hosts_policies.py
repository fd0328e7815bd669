"""Parts of a trafficPolicy, and what they come down to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.policy import (
    HashKey,
    LoadBalancing,
    OutlierDetection,
    SlowStart,
)

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
HOUR = timedelta(hours=1)


def rule(policy: str, host: str = "a") -> str:
    return f"""---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {host.strip("*.")}}}
spec: {{host: "{host}", trafficPolicy: {policy}}}
"""


def settings(draft: Draft) -> dict[str, Any]:
    return {name: placed.value for name, placed in draft.edges["client", "a"].settings.items()}


@pytest.mark.parametrize(
    ("outliers", "meaning"),
    [
        ("{interval: 1s}", {"consecutive_5xx": 5, "interval": timedelta(seconds=1)}),
        (
            "{consecutiveGatewayErrors: 2, baseEjectionTime: 1h}",
            {"consecutive_5xx": 5, "consecutive_gateway_failure": 2, "base_ejection_time": HOUR},
        ),
        (
            "{consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, maxEjectionPercent: 100}",
            {"consecutive_gateway_failure": 2, "max_ejection_percent": 100},
        ),
        (
            "{splitExternalLocalOriginErrors: true}",
            {"consecutive_5xx": 5, "consecutive_local_origin_failure": 5},
        ),
        ("{consecutiveLocalOriginFailures: 3}", {"consecutive_5xx": 5}),
        ("{consecutiveErrors: 7}", {"consecutive_gateway_failure": 7}),
    ],
)
def test_an_outlier_detection_has_istios_defaults(
    imported: Import, outliers: str, meaning: dict[str, Any]
) -> None:
    found = settings(imported(rule(f"{{outlierDetection: {outliers}}}")))
    assert found["outlier_detection"] == OutlierDetection(**{"max_ejection_percent": 10, **meaning})
    assert found["load_balancing"] == LoadBalancing(panic_threshold=0)


def test_a_detection_with_nothing_to_detect_is_told(imported: Import, told: Told) -> None:
    draft = imported(rule("{outlierDetection: {consecutive5xxErrors: 0}}"))
    assert "outlier_detection" not in settings(draft)
    assert any("every detector is 0, so nobody is ever left out" in line for line in told(draft))


@pytest.mark.parametrize(
    ("balancer", "meaning"),
    [
        ("{simple: ROUND_ROBIN}", LoadBalancing()),
        ("{simple: LEAST_CONN}", LoadBalancing("least_request")),
        ("{simple: RANDOM}", LoadBalancing("random")),
        (
            "{warmupDurationSecs: 30s}",
            LoadBalancing("least_request", slow_start=SlowStart(timedelta(seconds=30))),
        ),
        (
            "{simple: ROUND_ROBIN, warmup: {duration: 1h, minimumPercent: 5, aggression: 2}}",
            LoadBalancing(slow_start=SlowStart(HOUR, 2, 5)),
        ),
        (
            "{consistentHash: {httpHeaderName: X-User}}",
            LoadBalancing("ring_hash", (HashKey("header", "x-user"),)),
        ),
        (
            "{consistentHash: {useSourceIp: true, minimumRingSize: 2048}}",
            LoadBalancing("ring_hash", (HashKey("source_ip"),), minimum_ring_size=2048),
        ),
        (
            "{consistentHash: {httpQueryParameterName: q, maglev: {tableSize: 101}}}",
            LoadBalancing("maglev", (HashKey("query", "q"),), table_size=101),
        ),
        (
            "{consistentHash: {httpCookie: {name: seat, ttl: 1h, path: /a}}}",
            LoadBalancing("ring_hash", (HashKey("cookie", "seat", HOUR, "/a"),)),
        ),
        ("{simple: PASSTHROUGH}", None),
    ],
)
def test_a_load_balancer_is_what_it_says(imported: Import, balancer: str, meaning: Any) -> None:
    found = settings(imported(rule(f"{{loadBalancer: {balancer}}}")))
    assert found.get("load_balancing") == meaning


def test_a_hash_of_nothing_is_refused(refusal: Callable[..., str]) -> None:
    text = rule("{loadBalancer: {consistentHash: {maglev: {}}}}")
    assert "consistentHash hashes nothing; expected httpHeaderName, " in refusal(text)


@pytest.mark.parametrize(
    ("policy", "left_out"),
    [
        ("{loadBalancer: {novelty: true}}", "loadBalancer.novelty"),
        ("{loadBalancer: {simple: PASSTHROUGH}}", "loadBalancer.simple: PASSTHROUGH"),
        ("{connectionPool: {tcp: {idleTimeout: 1s}}}", "connectionPool.tcp.idleTimeout"),
    ],
)
def test_what_is_left_out_is_told(imported: Import, told: Told, policy: str, left_out: str) -> None:
    draft = imported(rule(policy))
    assert any(f"not imported yet: {left_out} (" in line for line in told(draft))
