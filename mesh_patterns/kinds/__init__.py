"""One module per kind of pattern: what may be written, and what it does to the draft.

A kind is a model (a :class:`~mesh_patterns.spec.PatternSpec`) and a function that writes what it
means into a :class:`~mesh_patterns.draft.Draft`. To add one, write its module and put it in
``_MODELS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from mesh_patterns.draft import Draft
from mesh_patterns.spec import PatternSpec

# Each kind, which is a module's name here, and its model. They are applied in this order, whatever
# their order in the file: routes make the rules that the later ones put settings on, and who may
# ask depends on who is known.
_MODELS: Mapping[str, str] = {
    "route": "RouteSpec",
    "canary": "CanarySpec",
    "retries": "RetriesSpec",
    "timeout": "TimeoutSpec",
    "circuit_breaker": "CircuitBreakerSpec",
    "bulkhead": "BulkheadSpec",
    "connection_pool": "ConnectionPoolSpec",
    "failover": "FailoverSpec",
    "load_balancing": "LoadBalancingSpec",
    "health_check": "HealthCheckSpec",
    "outlier_detection": "OutlierDetectionSpec",
    "mirror": "MirrorSpec",
    "fault": "FaultSpec",
    "connection_limit": "ConnectionLimitSpec",
    "connection_rate": "ConnectionRateSpec",
    "rate_limit": "RateLimitSpec",
    "admission_control": "AdmissionControlSpec",
    "adaptive_concurrency": "AdaptiveConcurrencySpec",
    "bandwidth_limit": "BandwidthLimitSpec",
    "mtls": "MtlsSpec",
    "jwt": "JwtSpec",
    "ext_authz": "ExtAuthzSpec",
    "authorization": "AuthorizationSpec",
    "cors": "CorsSpec",
    "compression": "CompressionSpec",
    "session": "SessionSpec",
    "lua": "LuaSpec",
    "ext_proc": "ExtProcSpec",
    "access_log": "AccessLogSpec",
    "tracing": "TracingSpec",
    "hardening": "HardeningSpec",
    "transcoding": "TranscodingSpec",
    "objective": "ObjectiveSpec",
    "wasm": "WasmSpec",
    "envoy_filter": "EnvoyFilterSpec",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """``apply(spec, draft)`` gets a spec of type ``spec``."""

    spec: type[PatternSpec]
    apply: Callable[[Any, Draft], None]


class _Kinds(Mapping[str, Kind]):
    """By name; a kind's module is imported when somebody wants it, as no mesh has them all."""

    def __getitem__(self, name: str) -> Kind:
        spec = _MODELS[name]
        module = import_module(f"{__name__}.{name}")
        return Kind(getattr(module, spec), module.apply)

    def __iter__(self) -> Iterator[str]:
        return iter(_MODELS)

    def __len__(self) -> int:
        return len(_MODELS)

    def __contains__(self, name: object) -> bool:
        return name in _MODELS


KINDS: Mapping[str, Kind] = _Kinds()


def apply_all(draft: Draft) -> None:
    """Apply the mesh's patterns to its draft, kind by kind."""
    named: dict[str, list[PatternSpec]] = {}
    for spec in draft.mesh.patterns:
        named.setdefault(spec.pattern, []).append(spec)
    for name in _MODELS:
        for spec in named.get(name, ()):
            KINDS[name].apply(spec, draft)
