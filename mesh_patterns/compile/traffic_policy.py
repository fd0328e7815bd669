"""What a caller's cluster says besides its hosts: limits, ejections, and how a host is chosen.

These are Envoy's state per cluster: what is open, who is ejected, whose turn it is. So an edge that
sets one of them has clusters of its own, called as one writes the edge: ``page->reviews/v2``. An
edge to a service that wants certificates has, too: a cluster shows its caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from mesh_patterns.compile import circuit_breakers, connection_pool, load_balancing
from mesh_patterns.draft import Draft, Edge, Placed, Target
from mesh_patterns.identity import secured
from mesh_patterns.policy import (
    FailurePercentage,
    HashKey,
    HealthCheck,
    LoadBalancing,
    OutlierDetection,
    SuccessRate,
)
from xds_server.protos import cluster, core, envoy_type

Edges = Mapping[tuple[str, str], Edge]
Settings = Mapping[str, Placed[Any]]  # those of ``CLUSTER`` that are set
_NOTHING: Settings = {}

AGGREGATE = "failover:"  # what the name of such a cluster begins with

_BY_LOCALITY = cluster.ClusterCommonLbConfigLocalityWeightedLbConfig()
_FIELDS = {  # of the cluster, by setting: where a NACK or an explanation finds the line
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
    """Where a caller's requests for the target go: its cluster, or an aggregate that begins with
    it. No service's name holds a ``:``.
    """
    found = policy(draft.edges, caller, target)
    name = own_name(draft, caller, target)
    return f"{AGGREGATE}{name}" if "takeover" in found else name


def own_name(draft: Draft, caller: str, target: Target) -> str:
    """The target's cluster: everybody's, or the caller's own. No service's name holds a ``>``."""
    own = secured(draft, target.service) or policy(draft.edges, caller, target)
    return f"{caller}->{target}" if own else str(target)


def fields(settings: Settings, service: str) -> dict[str, Any]:
    """What is set of a cluster of ``service``, as its fields."""
    outliers, check, balance = (
        placed.value if (placed := settings.get(name)) else None
        for name in ("outlier_detection", "health_check", "load_balancing")
    )
    return {
        **circuit_breakers.fields(settings),
        **connection_pool.fields(settings),
        **({"outlier_detection": outlier_detection_message(outliers)} if outliers else {}),
        **({"health_checks": [health_check_message(check, service)]} if check else {}),
        **_common(outliers or check, balance),
        **(load_balancing.fields(balance) if balance else {}),
    }


def origins(settings: Settings) -> dict[str, str]:
    """The lines of those fields."""
    lines = {
        field: str(settings[name].place) for name, field in _FIELDS.items() if name in settings
    }
    balance = settings.get("load_balancing")
    if balance and balance.value.policy not in load_balancing.POLICIES:
        lines["load_balancing_policy"] = str(balance.place)
    return circuit_breakers.origins(settings) | connection_pool.origins(settings) | lines


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


def _common(
    outliers: OutlierDetection | HealthCheck | None, balance: LoadBalancing | None
) -> dict[str, Any]:
    """What concerns hosts that are out.

    By itself Envoy gathers for a second what happens to hosts after a change: who fails a moment
    after another was taken out would be asked for that long.
    """
    panic = balance.panic_threshold if balance else None
    by_locality = _by_locality(balance)
    if outliers is None and panic is None and not by_locality:
        return {}
    config = cluster.ClusterCommonLbConfig(
        healthy_panic_threshold=None if panic is None else envoy_type.Percent(value=panic),
        update_merge_window=timedelta(0) if outliers else None,
        locality_weighted_lb_config=_BY_LOCALITY if by_locality else None,
    )
    return {"common_lb_config": config}


def _by_locality(balance: LoadBalancing | None) -> bool:
    """An extension says it itself, and Envoy refuses what says it twice."""
    if balance is None or balance.policy not in load_balancing.POLICIES:
        return False
    return bool(balance.localities)


def hash_keys(edges: Edges, caller: str, targets: Iterable[Target]) -> tuple[HashKey, ...]:
    """What the services that a route leads to want hashed, each once."""
    found: dict[HashKey, None] = {}
    for target in targets:
        placed = policy(edges, caller, target).get("load_balancing")
        found.update(dict.fromkeys(placed.value.hash if placed else ()))
    return tuple(found)
