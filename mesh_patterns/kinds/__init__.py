"""One module per kind of pattern: what may be written, and what it does to the draft.

A kind is a model (a :class:`~mesh_patterns.spec.PatternSpec`) and a function that writes what it
means into a :class:`~mesh_patterns.draft.Draft`. To add one, write its module and put it in
``KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mesh_patterns.draft import Draft
from mesh_patterns.kinds import (
    access_log,
    adaptive_concurrency,
    admission_control,
    authorization,
    bandwidth_limit,
    bulkhead,
    canary,
    circuit_breaker,
    compression,
    connection_limit,
    connection_pool,
    connection_rate,
    cors,
    envoy_filter,
    ext_authz,
    ext_proc,
    failover,
    fault,
    hardening,
    health_check,
    jwt,
    load_balancing,
    lua,
    mirror,
    mtls,
    objective,
    outlier_detection,
    rate_limit,
    retries,
    route,
    session,
    timeout,
    tracing,
    transcoding,
    wasm,
)
from mesh_patterns.spec import PatternSpec


@dataclass(frozen=True, slots=True)
class Kind:
    """``apply(spec, draft)`` gets a spec of type ``spec``."""

    spec: type[PatternSpec]
    apply: Callable[[Any, Draft], None]


# In the order in which they are applied, whatever their order in the file: routes make the rules
# that the later ones put settings on, and who may ask depends on who is known.
KINDS: Mapping[str, Kind] = {
    "route": Kind(route.RouteSpec, route.apply),
    "canary": Kind(canary.CanarySpec, canary.apply),
    "retries": Kind(retries.RetriesSpec, retries.apply),
    "timeout": Kind(timeout.TimeoutSpec, timeout.apply),
    "circuit_breaker": Kind(circuit_breaker.CircuitBreakerSpec, circuit_breaker.apply),
    "bulkhead": Kind(bulkhead.BulkheadSpec, bulkhead.apply),
    "connection_pool": Kind(connection_pool.ConnectionPoolSpec, connection_pool.apply),
    "failover": Kind(failover.FailoverSpec, failover.apply),
    "load_balancing": Kind(load_balancing.LoadBalancingSpec, load_balancing.apply),
    "health_check": Kind(health_check.HealthCheckSpec, health_check.apply),
    "outlier_detection": Kind(outlier_detection.OutlierDetectionSpec, outlier_detection.apply),
    "mirror": Kind(mirror.MirrorSpec, mirror.apply),
    "fault": Kind(fault.FaultSpec, fault.apply),
    "connection_limit": Kind(connection_limit.ConnectionLimitSpec, connection_limit.apply),
    "connection_rate": Kind(connection_rate.ConnectionRateSpec, connection_rate.apply),
    "rate_limit": Kind(rate_limit.RateLimitSpec, rate_limit.apply),
    "admission_control": Kind(admission_control.AdmissionControlSpec, admission_control.apply),
    "adaptive_concurrency": Kind(
        adaptive_concurrency.AdaptiveConcurrencySpec, adaptive_concurrency.apply
    ),
    "bandwidth_limit": Kind(bandwidth_limit.BandwidthLimitSpec, bandwidth_limit.apply),
    "mtls": Kind(mtls.MtlsSpec, mtls.apply),
    "jwt": Kind(jwt.JwtSpec, jwt.apply),
    "ext_authz": Kind(ext_authz.ExtAuthzSpec, ext_authz.apply),
    "authorization": Kind(authorization.AuthorizationSpec, authorization.apply),
    "cors": Kind(cors.CorsSpec, cors.apply),
    "compression": Kind(compression.CompressionSpec, compression.apply),
    "session": Kind(session.SessionSpec, session.apply),
    "lua": Kind(lua.LuaSpec, lua.apply),
    "ext_proc": Kind(ext_proc.ExtProcSpec, ext_proc.apply),
    "access_log": Kind(access_log.AccessLogSpec, access_log.apply),
    "tracing": Kind(tracing.TracingSpec, tracing.apply),
    "hardening": Kind(hardening.HardeningSpec, hardening.apply),
    "transcoding": Kind(transcoding.TranscodingSpec, transcoding.apply),
    "objective": Kind(objective.ObjectiveSpec, objective.apply),
    "wasm": Kind(wasm.WasmSpec, wasm.apply),
    "envoy_filter": Kind(envoy_filter.EnvoyFilterSpec, envoy_filter.apply),
}


def apply_all(draft: Draft) -> None:
    """Apply the mesh's patterns to its draft, kind by kind."""
    for name, kind in KINDS.items():
        for spec in draft.mesh.patterns:
            if spec.pattern == name:
                kind.apply(spec, draft)
