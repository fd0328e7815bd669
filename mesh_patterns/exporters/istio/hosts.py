"""What is said of a service's hosts, as far as a ``trafficPolicy`` can say it; and the policy.

Where Istio's own numbers are others than Envoy's they are written out.
https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mesh_patterns.draft import Placed
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.rules import duration
from mesh_patterns.model import Service
from mesh_patterns.policy import CircuitBreaker, ConnectionPool, LoadBalancing, OutlierDetection

Settings = Mapping[str, Placed[Any]]
Made = dict[str, Any]

KNOWN = frozenset({"circuit_breaker", "connection_pool", "outlier_detection", "load_balancing"})
_ENVOYS = {
    "max_connections": 1024, "max_pending_requests": 1024, "max_requests": 1024, "max_retries": 3
}  # fmt: skip
_PANIC = 50  # percent, Envoy's
_EJECTED = 10
_SIMPLE = {
    "round_robin": "ROUND_ROBIN", "least_request": "LEAST_REQUEST", "random": "RANDOM"
}  # fmt: skip


def fit(settings: Settings, service: Service, version: str | None, losses: Losses) -> Settings:
    """What is left of the settings of a cluster."""
    found: dict[str, Placed[Any]] = {}
    for name, work in (("circuit_breaker", _breaker), ("load_balancing", _balancing)):
        if name in settings and (value := work(settings[name], losses)) is not None:
            found[name] = Placed(value, settings[name].place)
    if "connection_pool" in settings:
        placed = settings["connection_pool"]
        pool = _pool(placed, service, losses)
        found |= {"connection_pool": Placed(pool, placed.place)} if pool is not None else {}
    if "outlier_detection" in settings:
        placed = settings["outlier_detection"]
        outliers = _outliers(placed, _count(service, version), losses)
        if outliers is not None:
            found["outlier_detection"] = Placed(outliers, placed.place)
    return _with_panic(found, settings, losses)


def _count(service: Service, version: str | None) -> int:
    if service.external is not None:
        return service.hosts_there
    return sum(each.replicas for each in service.versions if version in (None, each.name))


def _breaker(placed: Placed[Any], losses: Losses) -> CircuitBreaker | None:
    value: CircuitBreaker = placed.value
    if any(getattr(value, name) == 0 for name in _ENVOYS):
        losses.lost("a limit of 0", placed.place)
        return None
    if value.max_connections_per_host is not None:
        losses.lost("max_connections_per_host", placed.place)
    given = {name: getattr(value, name) for name in _ENVOYS}
    return CircuitBreaker(**{n: _ENVOYS[n] if v is None else v for n, v in given.items()})


def _pool(placed: Placed[Any], service: Service, losses: Losses) -> ConnectionPool | None:
    value: ConnectionPool = placed.value
    fitted = replace(value, ping=None)
    if value.protocol == "http1":
        fitted = replace(fitted, protocol=None)
    if value.idle_timeout is not None and not value.idle_timeout:
        fitted = replace(fitted, idle_timeout=None)
    if fitted.protocol is None and service.protocol != "grpc":
        fitted = replace(fitted, max_concurrent_streams=None)
    if fitted != value or fitted == ConnectionPool():
        losses.lost("a ping, HTTP/1 alone, no idle timeout, or nothing", placed.place)
    return fitted if fitted != ConnectionPool() else None


def _outliers(placed: Placed[Any], hosts: int, losses: Losses) -> OutlierDetection | None:
    value: OutlierDetection = placed.value
    fitted = replace(value, success_rate=None, failure_percentage=None, max_ejection_time=None)
    if fitted != value:
        what = "success_rate, failure_percentage or max_ejection_time"
        losses.lost(what, placed.place)
    detectors = (
        fitted.consecutive_5xx, fitted.consecutive_gateway_failure,
        fitted.consecutive_local_origin_failure,
    )  # fmt: skip
    if not any(detectors):
        return None
    if value.max_ejection_percent is None or not value.max_ejection_percent:
        share = min(100, max(_EJECTED, math.ceil(100 / max(hosts, 1))))
        message = f"max_ejection_percent: {share}, so that one of {hosts} hosts can be out"
        losses.changed(message, placed.place)
        fitted = replace(fitted, max_ejection_percent=share)
    return fitted


def _balancing(placed: Placed[Any], losses: Losses) -> LoadBalancing | None:
    value: LoadBalancing = placed.value
    if value.policy not in (*_SIMPLE, "ring_hash", "maglev"):
        losses.lost(value.policy.replace("_", " "), placed.place)
        return None
    fitted = replace(
        value, hash=value.hash[:1], maximum_ring_size=None, choice_count=None, utilization=None,
        localities=(),
    )  # fmt: skip
    if fitted != value:
        what = "a second key, a ring's largest size, a choice_count or shares of localities"
        losses.lost(what, placed.place)
    return fitted


def _with_panic(found: dict[str, Placed[Any]], settings: Settings, losses: Losses) -> Settings:
    """How many hosts have to be left is said where they are left out, and there it has to be."""
    balance, outliers = found.get("load_balancing"), found.get("outlier_detection")
    asked = balance.value.panic_threshold if balance else None
    if outliers is None:
        if balance and asked is not None:
            losses.lost("panic_threshold without outlier_detection", balance.place)
            found["load_balancing"] = Placed(
                replace(balance.value, panic_threshold=None), balance.place
            )
        return found
    whole = round(_PANIC if asked is None else asked)
    if asked is not None and asked != whole:
        losses.changed(f"panic_threshold is {whole}", outliers.place)
    made = replace(balance.value if balance else LoadBalancing(), panic_threshold=float(whole))
    found["load_balancing"] = Placed(made, (balance or outliers).place)
    return found


def policy(settings: Settings) -> Made:
    """The ``trafficPolicy`` that says the same."""
    values = {name: placed.value for name, placed in settings.items()}
    made: Made = {}
    pool = _connection_pool(values.get("circuit_breaker"), values.get("connection_pool"))
    balance, outliers = values.get("load_balancing"), values.get("outlier_detection")
    if pool:
        made["connectionPool"] = pool
    if balance is not None:
        made["loadBalancer"] = _load_balancer(balance)
    if outliers is not None:
        made["outlierDetection"] = _outlier_detection(outliers, balance)
    return made


def _connection_pool(breaker: CircuitBreaker | None, pool: ConnectionPool | None) -> Made:
    tcp: Made = {}
    http: Made = {}
    if breaker is not None:
        tcp["maxConnections"] = breaker.max_connections
        http["http1MaxPendingRequests"] = breaker.max_pending_requests
        http["http2MaxRequests"] = breaker.max_requests
        http["maxRetries"] = breaker.max_retries
    if pool is not None:
        tcp |= _some(connectTimeout=pool.connect_timeout,
                     maxConnectionDuration=pool.max_connection_duration)  # fmt: skip
        http |= _some(idleTimeout=pool.idle_timeout,
                      maxRequestsPerConnection=pool.max_requests_per_connection,
                      maxConcurrentStreams=pool.max_concurrent_streams)  # fmt: skip
        upgrades: dict[str, Made] = {
            "http2": {"h2UpgradePolicy": "UPGRADE"},
            "downstream": {"useClientProtocol": True},
        }
        http |= upgrades.get(pool.protocol or "", {})
        if pool.keepalive is not None:
            alive = pool.keepalive
            tcp["tcpKeepalive"] = _some(
                time=alive.idle, interval=alive.interval, probes=alive.probes
            )
    return {name: part for name, part in (("tcp", tcp), ("http", http)) if part}


def _some(**values: Any) -> Made:
    shown = {name: value for name, value in values.items() if value is not None}
    return {n: duration(v) if hasattr(v, "total_seconds") else v for n, v in shown.items()}


def _load_balancer(balance: LoadBalancing) -> Made:
    made: Made = {}
    if balance.policy in _SIMPLE:
        made["simple"] = _SIMPLE[balance.policy]
    else:
        made["consistentHash"] = _consistent_hash(balance)
    if (ramp := balance.slow_start) is not None:
        made["warmup"] = _some(
            duration=ramp.window, minimumPercent=ramp.minimum_percent, aggression=ramp.aggression
        )
    return made


def _consistent_hash(balance: LoadBalancing) -> Made:
    key = balance.hash[0]
    keys: dict[str, Made] = {
        "header": {"httpHeaderName": key.name},
        "query": {"httpQueryParameterName": key.name},
        "source_ip": {"useSourceIp": True},
        "cookie": {"httpCookie": {"name": key.name, **_some(ttl=key.ttl, path=key.path or None)}},
    }
    made = dict(keys[key.kind])
    if balance.policy == "maglev":
        made["maglev"] = _some(tableSize=balance.table_size)
    else:
        made["ringHash"] = _some(minimumRingSize=balance.minimum_ring_size)
    return made


def _outlier_detection(outliers: OutlierDetection, balance: LoadBalancing | None) -> Made:
    made: Made = {"consecutive5xxErrors": outliers.consecutive_5xx or 0}
    made |= _some(consecutiveGatewayErrors=outliers.consecutive_gateway_failure)
    if outliers.consecutive_local_origin_failure is not None:
        made["splitExternalLocalOriginErrors"] = True
        made["consecutiveLocalOriginFailures"] = outliers.consecutive_local_origin_failure
    made |= _some(interval=outliers.interval, baseEjectionTime=outliers.base_ejection_time)
    made["maxEjectionPercent"] = outliers.max_ejection_percent
    panic = balance.panic_threshold if balance else None
    made["minHealthPercent"] = int(panic or 0)
    return made
