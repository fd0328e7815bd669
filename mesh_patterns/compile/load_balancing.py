"""How a caller's cluster chooses a host."""

from __future__ import annotations

from typing import Any

from mesh_patterns.policy import HashKey, LoadBalancing, SlowStart, Utilization
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import cluster, core, envoy_type, route

POLICIES = {
    "round_robin": cluster.ClusterLbPolicy.ROUND_ROBIN,
    "least_request": cluster.ClusterLbPolicy.LEAST_REQUEST,
    "random": cluster.ClusterLbPolicy.RANDOM,
    "ring_hash": cluster.ClusterLbPolicy.RING_HASH,
    "maglev": cluster.ClusterLbPolicy.MAGLEV,
}


def fields(meaning: LoadBalancing) -> dict[str, Any]:
    """https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing"""
    if meaning.policy not in POLICIES:
        policy = by_locality(meaning) if meaning.localities else by_load(meaning)
        return {"load_balancing_policy": policy}
    found: dict[str, Any] = {"lb_policy": POLICIES[meaning.policy]}
    if meaning.policy == "ring_hash":
        found["ring_hash_lb_config"] = cluster.ClusterRingHashLbConfig(
            minimum_ring_size=meaning.minimum_ring_size, maximum_ring_size=meaning.maximum_ring_size
        )
    if meaning.policy == "maglev" and meaning.table_size is not None:
        found["maglev_lb_config"] = cluster.ClusterMaglevLbConfig(table_size=meaning.table_size)
    given = meaning.slow_start
    ramp = cluster.ClusterSlowStartConfig(**_slow_start(given)) if given else None
    if meaning.policy == "round_robin" and ramp:
        found["round_robin_lb_config"] = cluster.ClusterRoundRobinLbConfig(slow_start_config=ramp)
    if meaning.policy == "least_request" and (ramp or meaning.choice_count is not None):
        found["least_request_lb_config"] = cluster.ClusterLeastRequestLbConfig(
            choice_count=meaning.choice_count, slow_start_config=ramp
        )
    return found


def by_load(meaning: LoadBalancing) -> cluster.LoadBalancingPolicy:
    """Turns, in proportion to what hosts say of their load."""
    given = meaning.utilization or Utilization()
    ramp = meaning.slow_start
    slowly = protos.load_balancing_common.SlowStartConfig(**_slow_start(ramp)) if ramp else None
    message = protos.client_side_weighted_round_robin.ClientSideWeightedRoundRobin(
        metric_names_for_computing_utilization=list(given.metrics),
        error_utilization_penalty=given.error_penalty,
        blackout_period=given.blackout,
        weight_expiration_period=given.expiration,
        weight_update_period=given.update,
        slow_start_config=slowly,
    )
    return one_policy("client_side_weighted_round_robin", message)


def by_locality(meaning: LoadBalancing) -> cluster.LoadBalancingPolicy:
    """A locality by its weight, and then one of its hosts by load."""
    within = protos.wrr_locality.WrrLocality(endpoint_picking_policy=by_load(meaning))
    return one_policy("wrr_locality", within)


def one_policy(name: str, message: protos.Message) -> cluster.LoadBalancingPolicy:
    """The list of policies, of which a client takes the first that it knows."""
    extension = core.TypedExtensionConfig(
        name=f"envoy.load_balancing_policies.{name}", typed_config=any_of(message)
    )
    return cluster.LoadBalancingPolicy(
        policies=[cluster.LoadBalancingPolicyPolicy(typed_extension_config=extension)]
    )


def _slow_start(meaning: SlowStart) -> dict[str, Any]:
    """https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start"""
    aggression = meaning.aggression and core.RuntimeDouble(
        default_value=meaning.aggression, runtime_key="slow_start.aggression"
    )
    least = meaning.minimum_percent
    return {
        "slow_start_window": meaning.window,
        "aggression": aggression or None,
        "min_weight_percent": None if least is None else envoy_type.Percent(value=least),
    }


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
