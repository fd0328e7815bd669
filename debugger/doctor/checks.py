"""The table of checks: each has a name, and finds what is ill in a picture of a mesh."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from debugger.doctor.finding import Finding, Told, together
from debugger.doctor.ills import delivery, ejection, filters, health, routes
from debugger.doctor.picture import Picture

Check = Callable[[Picture], Iterator[Finding]]

# What can be told from config alone, without an Envoy.
OF_CONFIG: Mapping[str, Check] = {
    "never-matching-route": routes.never_matching,
    "shadowed-route": routes.shadowed,
    "limit-not-enabled": filters.not_enabled,
    "ejects-nobody": ejection.none_may_go,
}

# What hurts most comes first.
CHECKS: Mapping[str, Check] = {
    "disconnected": delivery.disconnected,
    "not-live": delivery.not_live,
    "workload-down": delivery.workloads,
    "refused": delivery.refused,
    "warming": delivery.warming,
    "not-bound": delivery.not_bound,
    "version-skew": delivery.skew,
    "no-healthy-endpoint": health.no_healthy_endpoints,
    "panic": health.panic,
    "outlier": health.outliers,
    "circuit-breaker": health.circuit_breakers,
    "certificate": health.certificates,
    "filter-never-ran": filters.never_ran,
    **OF_CONFIG,
}


def examine(picture: Picture, checks: Mapping[str, Check] = CHECKS) -> list[Told]:
    """All that is ill, in the order of the checks; the same ill of many nodes once."""
    return together(_found(picture, checks.items()))


def _found(picture: Picture, checks: Iterable[tuple[str, Check]]) -> Iterator[tuple[str, Finding]]:
    for name, check in checks:
        for finding in check(picture):
            yield name, finding
