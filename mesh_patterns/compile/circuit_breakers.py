"""How much a caller's cluster has open at a time: of all requests, and of those in a bulkhead.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mesh_patterns.draft import Placed
from mesh_patterns.policy import CircuitBreaker, RetryBudget
from xds_server.protos import cluster, core, envoy_type

_DEFAULT, _HIGH = core.RoutingPriority.DEFAULT, core.RoutingPriority.HIGH


def fields(settings: Mapping[str, Placed[Any]]) -> dict[str, Any]:
    """The cluster's field, where one of these is set."""
    breaker, budget, bulkhead = (
        placed.value if (placed := settings.get(name)) else None
        for name in ("circuit_breaker", "retry_budget", "bulkhead")
    )
    thresholds = []
    if breaker or budget:
        thresholds.append(_thresholds(breaker or CircuitBreaker(), budget))
    if bulkhead:
        thresholds.append(_thresholds(bulkhead, budget, _HIGH))
    if not thresholds:
        return {}
    found = cluster.CircuitBreakers(thresholds=thresholds)
    if breaker and breaker.max_connections_per_host is not None:
        limit = breaker.max_connections_per_host
        found.per_host_thresholds = [
            cluster.CircuitBreakersThresholds(priority=priority, max_connections=limit)
            for priority in (_DEFAULT, *([_HIGH] if bulkhead else ()))
        ]
    return {"circuit_breakers": found}


def origins(settings: Mapping[str, Placed[Any]]) -> dict[str, str]:
    """The lines of its parts."""
    plain = "circuit_breaker" in settings or "retry_budget" in settings
    names = {
        "circuit_breaker": "circuit_breakers",
        "retry_budget": "circuit_breakers.thresholds[0].retry_budget",
        "bulkhead": f"circuit_breakers.thresholds[{int(plain)}]",
    }
    return {field: str(settings[name].place) for name, field in names.items() if name in settings}


def _thresholds(
    limits: CircuitBreaker, budget: RetryBudget | None, priority: core.RoutingPriority = _DEFAULT
) -> cluster.CircuitBreakersThresholds:
    return cluster.CircuitBreakersThresholds(
        priority=priority,
        max_connections=limits.max_connections,
        max_pending_requests=limits.max_pending_requests,
        max_requests=limits.max_requests,
        max_retries=limits.max_retries,
        track_remaining=True,
        retry_budget=_retry_budget(budget) if budget else None,
    )


def _retry_budget(budget: RetryBudget) -> cluster.CircuitBreakersThresholdsRetryBudget:
    return cluster.CircuitBreakersThresholdsRetryBudget(
        budget_percent=envoy_type.Percent(value=budget.percent),
        min_retry_concurrency=budget.min_concurrency,
        budget_interval=budget.interval,
    )
