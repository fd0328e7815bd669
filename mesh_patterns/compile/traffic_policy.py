"""What a caller's cluster says besides its hosts: limits, ejections, and how a host is chosen.

These are Envoy's state per cluster: what is open, who is ejected, whose turn it is. So an edge that
sets one of them has clusters of its own, called as one writes the edge: ``page->reviews/v2``. An
edge to a service that wants certificates has, too: a cluster shows its caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from mesh_patterns.draft import CLUSTER, Draft, Edge, Placed, Target
from mesh_patterns.identity import secured
from mesh_patterns.policy import (
    CircuitBreaker,
    FailurePercentage,
    HashKey,
    HealthCheck,
    LoadBalancing,
    OutlierDetection,
    RetryBudget,
    SlowStart,
    SuccessRate,
)
from xds_server.protos import cluster, core, envoy_type, route

Edges = Mapping[tuple[str, str], Edge]
Settings = Mapping[str, Placed[Any]]  # those of ``CLUSTER`` that are set
_NOTHING: Settings = {}

_POLICIES = {
    "round_robin": cluster.ClusterLbPolicy.ROUND_ROBIN,
    "least_request": cluster.ClusterLbPolicy.LEAST_REQUEST,
    "random": cluster.ClusterLbPolicy.RANDOM,
    "ring_hash": cluster.ClusterLbPolicy.RING_HASH,
    "maglev": cluster.ClusterLbPolicy.MAGLEV,
}
_FIELDS = {  # of the cluster, by setting: where a NACK or an explanation finds the line
    "circuit_breaker": "circuit_breakers",
    "retry_budget": "circuit_breakers.thresholds[0].retry_budget",
    "outlier_detection": "outlier_detection",
    "health_check": "health_checks",
    "load_balancing": "lb_policy",
}


def policy(edges: Edges, caller: str, target: Target) -> Settings:
    """What is set of a caller's requests to ``target``.

    Also of requests for another service that a route sends there, as by a DestinationRule.
    """
    edge = edges.get((caller, target.service))
    if edge is None or not (edge.settings or edge.versions):
        return _NOTHING
    return edge.of_cluster(target.version)


def cluster_name(draft: Draft, caller: str, target: Target) -> str:
    """The target's cluster: everybody's, or the caller's own. No service's name holds a ``>``."""
    own = secured(draft, target.service) or policy(draft.edges, caller, target)
    return f"{caller}->{target}" if own else str(target)


def fields(settings: Settings, service: str) -> dict[str, Any]:
    """What is set of a cluster of ``service``, as its fields."""
    breaker, budget, outliers, check, balance, _ = (
        placed.value if (placed := settings.get(name)) else None for name in CLUSTER
    )
    limits = breaker or budget
    return {
        **({"circuit_breakers": _circuit_breakers(breaker, budget)} if limits else {}),
        **({"outlier_detection": outlier_detection_message(outliers)} if outliers else {}),
        **({"health_checks": [health_check_message(check, service)]} if check else {}),
        **_common(outliers or check, balance),
        **(_load_balancing(balance) if balance else {}),
    }


def origins(settings: Settings) -> dict[str, str]:
    """The lines of those fields."""
    return {field: str(settings[name].place) for name, field in _FIELDS.items() if name in settings}


def health_check_message(meaning: HealthCheck, service: str) -> core.HealthCheck:
    """https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking

    Every host is asked as often as the others, also one that nobody has sent anything to yet.
    """
    kinds: dict[str, dict[str, Any]] = {
        "http": {
            "http_health_check": core.HealthCheckHttpHealthCheck(
                host=service,
                path=meaning.path,
                expected_statuses=[
                    envoy_type.Int64Range(start=low, end=high + 1) for low, high in meaning.statuses
                ],
            )
        },
        "grpc": {
            "grpc_health_check": core.HealthCheckGrpcHealthCheck(
                service_name=meaning.service, authority=service
            )
        },
        "tcp": {"tcp_health_check": core.HealthCheckTcpHealthCheck()},
    }
    return core.HealthCheck(
        timeout=meaning.timeout,
        interval=meaning.interval,
        no_traffic_interval=meaning.interval,
        no_traffic_healthy_interval=meaning.interval,
        healthy_threshold=meaning.healthy,
        unhealthy_threshold=meaning.unhealthy,
        **kinds[meaning.protocol],
    )


def _circuit_breakers(
    breaker: CircuitBreaker | None, budget: RetryBudget | None
) -> cluster.CircuitBreakers:
    """https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking"""
    breaker = breaker or CircuitBreaker()
    thresholds = cluster.CircuitBreakersThresholds(
        max_connections=breaker.max_connections,
        max_pending_requests=breaker.max_pending_requests,
        max_requests=breaker.max_requests,
        max_retries=breaker.max_retries,
        track_remaining=True,
        retry_budget=None
        if budget is None
        else cluster.CircuitBreakersThresholdsRetryBudget(
            budget_percent=envoy_type.Percent(value=budget.percent),
            min_retry_concurrency=budget.min_concurrency,
        ),
    )
    return cluster.CircuitBreakers(thresholds=[thresholds])


def outlier_detection_message(meaning: OutlierDetection) -> cluster.OutlierDetection:
    """https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier

    Envoy detects more by itself than it is asked to; what a pattern does not name is switched off.
    """
    limit = meaning.max_ejection_percent
    return cluster.OutlierDetection(
        consecutive_5xx=meaning.consecutive_5xx,
        enforcing_consecutive_5xx=100 if meaning.consecutive_5xx else 0,
        consecutive_gateway_failure=meaning.consecutive_gateway_failure,
        enforcing_consecutive_gateway_failure=100 if meaning.consecutive_gateway_failure else 0,
        interval=meaning.interval,
        base_ejection_time=meaning.base_ejection_time,
        max_ejection_time=meaning.max_ejection_time,
        max_ejection_percent=limit,
        **_local_origin(meaning.consecutive_local_origin_failure),
        always_eject_one_host=True if limit is None else None,
        **_success_rate(meaning.success_rate),
        **_failure_percentage(meaning.failure_percentage),
    )


def _local_origin(limit: int | None) -> dict[str, Any]:
    """What never got an answer, told apart from the answers; by itself Envoy counts it as a 5xx."""
    if limit is None:
        return {}
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": limit,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_local_origin_success_rate": 0,
    }


def _success_rate(meaning: SuccessRate | None) -> dict[str, Any]:
    if meaning is None:
        return {"enforcing_success_rate": 0}
    return {
        "enforcing_success_rate": meaning.enforcing,
        "success_rate_minimum_hosts": meaning.minimum_hosts,
        "success_rate_request_volume": meaning.request_volume,
        "success_rate_stdev_factor": round(meaning.stdev_factor * 1000),
    }


def _failure_percentage(meaning: FailurePercentage | None) -> dict[str, Any]:
    if meaning is None:
        return {}  # Envoy's own default is not to enforce it
    return {
        "failure_percentage_threshold": meaning.threshold,
        "enforcing_failure_percentage": meaning.enforcing,
        "failure_percentage_minimum_hosts": meaning.minimum_hosts,
        "failure_percentage_request_volume": meaning.request_volume,
    }


def _load_balancing(meaning: LoadBalancing) -> dict[str, Any]:
    """https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing"""
    found: dict[str, Any] = {"lb_policy": _POLICIES[meaning.policy]}
    if meaning.policy == "ring_hash":
        found["ring_hash_lb_config"] = cluster.ClusterRingHashLbConfig(
            minimum_ring_size=meaning.minimum_ring_size, maximum_ring_size=meaning.maximum_ring_size
        )
    if meaning.policy == "maglev" and meaning.table_size is not None:
        found["maglev_lb_config"] = cluster.ClusterMaglevLbConfig(table_size=meaning.table_size)
    ramp = _slow_start(meaning.slow_start) if meaning.slow_start else None
    if meaning.policy == "round_robin" and ramp:
        found["round_robin_lb_config"] = cluster.ClusterRoundRobinLbConfig(slow_start_config=ramp)
    if meaning.policy == "least_request" and (ramp or meaning.choice_count is not None):
        found["least_request_lb_config"] = cluster.ClusterLeastRequestLbConfig(
            choice_count=meaning.choice_count, slow_start_config=ramp
        )
    return found


def _slow_start(meaning: SlowStart) -> cluster.ClusterSlowStartConfig:
    """https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start"""
    aggression = meaning.aggression and core.RuntimeDouble(
        default_value=meaning.aggression, runtime_key="slow_start.aggression"
    )
    least = meaning.minimum_percent
    return cluster.ClusterSlowStartConfig(
        slow_start_window=meaning.window,
        aggression=aggression or None,
        min_weight_percent=None if least is None else envoy_type.Percent(value=least),
    )


def _common(
    outliers: OutlierDetection | HealthCheck | None, balance: LoadBalancing | None
) -> dict[str, Any]:
    """What concerns hosts that are out.

    By itself Envoy gathers for a second what happens to hosts after a change: who fails a moment
    after another was taken out would be asked for that long.
    """
    panic = balance.panic_threshold if balance else None
    if outliers is None and panic is None:
        return {}
    config = cluster.ClusterCommonLbConfig(
        healthy_panic_threshold=None if panic is None else envoy_type.Percent(value=panic),
        update_merge_window=timedelta(0) if outliers else None,
    )
    return {"common_lb_config": config}


def hash_keys(edges: Edges, caller: str, targets: Iterable[Target]) -> tuple[HashKey, ...]:
    """What the services that a route leads to want hashed, each once."""
    found: dict[HashKey, None] = {}
    for target in targets:
        placed = policy(edges, caller, target).get("load_balancing")
        found.update(dict.fromkeys(placed.value.hash if placed else ()))
    return tuple(found)


def hash_policy(key: HashKey) -> route.RouteActionHashPolicy:
    """One key of a route's hash; all that a request has are combined."""
    match key.kind:
        case "header":
            return route.RouteActionHashPolicy(
                header=route.RouteActionHashPolicyHeader(header_name=key.name)
            )
        case "cookie":
            path = (key.path or "/") if key.ttl is not None else ""
            return route.RouteActionHashPolicy(
                cookie=route.RouteActionHashPolicyCookie(name=key.name, ttl=key.ttl, path=path)
            )
        case "query":
            return route.RouteActionHashPolicy(
                query_parameter=route.RouteActionHashPolicyQueryParameter(name=key.name)
            )
    return route.RouteActionHashPolicy(
        connection_properties=route.RouteActionHashPolicyConnectionProperties(source_ip=True)
    )
