"""Clusters and endpoints as a gRPC client takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mesh_patterns.compile import aggregate, clusters, load_balancing, traffic_policy
from mesh_patterns.compile.grpc import tls
from mesh_patterns.compile.tls import origins
from mesh_patterns.compile.values import ads
from mesh_patterns.draft import Draft, Edge
from mesh_patterns.hosts import Group, groups
from mesh_patterns.kinds.load_balancing import BY_LOAD
from mesh_patterns.placement import Placement
from mesh_patterns.policy import CircuitBreaker, LoadBalancing, OutlierDetection
from xds_server.protos import cluster, core, endpoint
from xds_server.resource import Resource

LOCALITY = core.Locality(region="local")
WEIGHT = 1  # of the one locality; gRPC drops a locality that has none


def outbound(draft: Draft, edge: Edge, placement: Placement) -> Iterator[Resource]:
    """A cluster with its endpoints for every target that the edge's rules may choose."""
    for each in clusters.named(draft, [edge]):
        # A37: the policy is that of the aggregate, which has none of its own
        balance = each.policy.get("load_balancing")
        more = _load_balancing(balance.value) if balance else {}
        yield from aggregate.outbound(draft, each, **more)
        place = str(clusters.place_of(draft, each.target))
        message = cluster.Cluster(
            name=each.name,
            type=cluster.ClusterDiscoveryType.EDS,
            eds_cluster_config=cluster.ClusterEdsClusterConfig(eds_config=ads()),
            transport_socket=tls.upstream(draft, each.target.service),
            **_fields(each.policy),
        )
        lines = traffic_policy.origins(each.policy) | origins(draft, each.target.service)
        yield Resource.of(message, origins={"": place, **lines})
        yield endpoints(draft, each, here(draft, edge.caller), placement)


def here(draft: Draft, caller: str) -> tuple[str, ...]:
    """The locality of a caller, if all of its versions are in one."""
    found = {each.locality for each in draft.mesh.services[caller].versions}
    return found.pop() if len(found) == 1 else ()


def endpoints(
    draft: Draft, known: clusters.Outbound, here: tuple[str, ...], placement: Placement
) -> Resource:
    """A cluster's hosts, for a caller in the locality ``here``."""
    placed = known.policy.get("failover")
    found = groups(draft, known.target, placed.value if placed else None, here)
    given = clusters.weights(known, found) or [_weight(each) for each in found]
    made = endpoint.ClusterLoadAssignment(
        cluster_name=known.name,
        endpoints=[
            endpoint.LocalityLbEndpoints(
                load_balancing_weight=weight,
                lb_endpoints=clusters.hosts(draft, each, placement),
                **{"locality": LOCALITY, **clusters.locality(each)},
            )
            for each, weight in zip(found, given, strict=True)
        ],
    )
    return Resource.of(made, origins={"": str(clusters.place_of(draft, known.target))})


def _weight(group: Group) -> int:
    """Localities share by their weights, so each has that of all its hosts."""
    return sum(weight or 1 for _, weight in group.hosts) if group.locality else WEIGHT


def _fields(policy: traffic_policy.Settings) -> dict[str, Any]:
    """What is set, as far as gRPC has it."""
    found: dict[str, Any] = {}
    for name, placed in policy.items():
        if name in SETTINGS:
            found |= SETTINGS[name](placed.value)
    return found


def _circuit_breaker(meaning: CircuitBreaker) -> dict[str, Any]:
    """https://github.com/grpc/proposal/blob/master/A32-xds-circuit-breaking.md"""
    if meaning.max_requests is None:
        return {}
    threshold = cluster.CircuitBreakersThresholds(max_requests=meaning.max_requests)
    return {"circuit_breakers": cluster.CircuitBreakers(thresholds=[threshold])}


def _outlier_detection(meaning: OutlierDetection) -> dict[str, Any]:
    """https://github.com/grpc/proposal/blob/master/A50-xds-outlier-detection.md"""
    if meaning.success_rate is None and meaning.failure_percentage is None:
        return {}
    return {"outlier_detection": traffic_policy.outlier_detection_message(meaning)}


def _load_balancing(meaning: LoadBalancing) -> dict[str, Any]:
    """https://github.com/grpc/proposal/blob/master/A42-xds-ring-hash-lb-policy.md"""
    if meaning.policy == BY_LOAD:
        return {"load_balancing_policy": _by_load(meaning)}
    if meaning.policy != "ring_hash":
        return {}
    sizes = cluster.ClusterRingHashLbConfig(
        minimum_ring_size=meaning.minimum_ring_size, maximum_ring_size=meaning.maximum_ring_size
    )
    return {"lb_policy": cluster.ClusterLbPolicy.RING_HASH, "ring_hash_lb_config": sizes}


def _by_load(meaning: LoadBalancing) -> cluster.LoadBalancingPolicy:
    """https://github.com/grpc/proposal/blob/master/A58-client-side-weighted-round-robin-lb-policy.md

    By itself it is of all hosts; in this one it is of those of a locality, which have weights.
    """
    return load_balancing.by_locality(replace(meaning, slow_start=None))


def _left_out(meaning: Any) -> dict[str, Any]:
    """gRPC has nothing of the kind; ``grpc_limits`` says so."""
    return {}


SETTINGS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "circuit_breaker": _circuit_breaker,
    "retry_budget": _left_out,
    "bulkhead": _left_out,
    "connection_pool": _left_out,
    "health_check": _left_out,
    "outlier_detection": _outlier_detection,
    "load_balancing": _load_balancing,
    "failover": _left_out,  # it is in the endpoints
    "takeover": _left_out,  # and this is a cluster of its own
}
