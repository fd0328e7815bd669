"""What a mesh did for its requests: failures that a retry has hidden, load that was turned away in
time, connections that nobody else can read. Counted by its Envoys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from debugger.traffic.flow import Told, added

# https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
_MASKED = ("upstream_rq_retry_success",)
_SHED = (
    "upstream_rq_pending_overflow",
    "upstream_cx_overflow",
    "http_local_rate_limit.rate_limited",
)
_LATE = ("upstream_rq_timeout", "upstream_rq_per_try_timeout")
_TLS = "ssl.handshake"
_TOTAL = "upstream_rq_total"
_OWN = ("cluster.local_", "cluster.meshloom_")


@dataclass(frozen=True, slots=True)
class Worth:
    """``masked`` are requests that a retry has saved, ``shed`` those refused at once because there
    were too many, ``late`` those that ran into a timeout. ``encrypted`` of ``edges`` that were used
    have made TLS connections."""

    masked: int = 0
    shed: int = 0
    late: int = 0
    edges: int = 0
    encrypted: int = 0


def worth(told: Mapping[str, Told]) -> Worth:
    """Of all Envoys, in the time between their readings."""
    masked, shed, late, edges, encrypted = 0, 0, 0, 0, 0
    for each in told.values():
        masked += _sum(each, _MASKED)
        shed += _sum(each, _SHED)
        late += _sum(each, _LATE)
        used = _used(each)
        edges += len(used)
        # a connection may be older than the reading: whether there ever was one is what counts
        encrypted += sum(each.after.counters.get(f"{name}.{_TLS}", 0) > 0 for name in used)
    return Worth(masked, shed, late, edges, encrypted)


def _sum(told: Told, endings: Iterable[str]) -> int:
    names = [name for name in told.after.counters if name.endswith(tuple(endings))]
    return sum(added(told, name) for name in names if not name.startswith(_OWN))


def _used(told: Told) -> list[str]:
    """The clusters, as their stats begin, to whose hosts a request was sent."""
    names = [
        name.removesuffix(f".{_TOTAL}")
        for name in told.after.counters
        if name.startswith("cluster.") and name.endswith(f".{_TOTAL}") and added(told, name)
    ]
    return [name for name in names if not name.startswith(_OWN)]
