"""The requests between parts of a mesh, as its Envoys have counted them: plain data in and out.

Of a caller's Envoy there is a cluster for each service, and each version that requests are split
by; of a receiver's, what came in. Times are Envoy's, which has whole milliseconds; those of a
cluster are of upstream requests, tries and all.
https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from debugger.stats.change import Buckets, Reading, quantile
from debugger.stats.naming import Names

Side = Literal["client", "server"]
State = Mapping[str, Any]
INGRESS = "ingress"

_CLIENT = ("upstream_rq_completed", "upstream_rq_5xx", "upstream_rq_time")
_SERVER = ("downstream_rq_completed", "downstream_rq_5xx", "downstream_rq_time")
_INBOUND, _INGRESS = "inbound-", "ingress-"
_OWN = "local:"  # the cluster of an Envoy's own workload
_ASIDE = "meshloom"  # and those of the mesh's own doors


@dataclass(frozen=True, slots=True)
class Flow:
    """What ``node`` has counted: at the client, the requests that it sent to a service and perhaps
    one ``version`` of it; at the server, all that it got, from whomever.

    ``service`` is whose Envoy it is; failed are those answered by 5xx. ``times`` are buckets in ms.
    """

    node: str
    service: str
    side: Side
    total: int
    failed: int
    peer: str = ""
    version: str = ""
    times: Buckets = field(default_factory=dict)

    @property
    def ok(self) -> int:
        return self.total - self.failed

    def quantile(self, share: float) -> float:
        """In milliseconds; 0 where nothing was timed."""
        return quantile(self.times, share)

    @property
    def spent(self) -> float:
        """All of its times, in milliseconds."""
        return sum((at + width / 2) * count for at, (width, count) in self.times.items())


@dataclass(frozen=True, slots=True)
class Told:
    """What one Envoy says: its counters at two moments, ``before`` empty for since its start."""

    before: Reading
    after: Reading
    names: Names


def flows(state: State, told: Mapping[str, Told]) -> Iterator[Flow]:
    """All of a mesh that says ``state`` of itself; what saw no request is left out."""
    owners = services_of(state)
    for node, each in told.items():
        yield from _of_node(node, owners, each)


def services_of(state: State) -> dict[str, str]:
    """The service of each node that is one's own."""
    return {
        version["id"]: name
        for name, service in state["services"].items()
        for version in service["versions"].values()
    }


def _of_node(node: str, owners: Mapping[str, str], told: Told) -> Iterator[Flow]:
    for kind, name in _subjects(told):
        prefix = f"{kind}.{_stored(name)}."
        if kind == "cluster":
            peer, _, version = name.rpartition("->")[2].partition("/")
            if not name.startswith((_OWN, _ASIDE)):
                owner = owners.get(node, node)
                yield from _flow(told, prefix, _CLIENT, node, owner, peer, version)
        elif name.startswith(_INBOUND):
            receiver = name.removeprefix(_INBOUND)
            yield from _flow(told, prefix, _SERVER, receiver, owners.get(receiver, receiver))
        elif name.startswith(_INGRESS):
            yield from _flow(told, prefix, _SERVER, INGRESS, INGRESS)


def _subjects(told: Told) -> Iterator[tuple[str, str]]:
    """The clusters and listeners that there are stats of, each once."""
    seen: dict[tuple[str, str], None] = {}
    for stat in told.after.counters:
        if stat.endswith((_CLIENT[0], _SERVER[0])):
            subject = told.names.subject(stat)
            if subject.kind in ("cluster", "http") and subject.what in (_CLIENT[0], _SERVER[0]):
                seen[subject.kind, subject.name] = None
    yield from seen


def _stored(name: str) -> str:
    return name.replace(":", "_")


def _flow(
    told: Told, prefix: str, whats: Sequence[str], node: str, service: str,
    peer: str = "", version: str = "",
) -> Iterator[Flow]:  # fmt: skip
    total, failed = (added(told, prefix + what) for what in whats[:2])
    if total:
        side: Side = "client" if peer else "server"
        times = _buckets(told, prefix + whats[2])
        yield Flow(node, service, side, total, failed, peer, version, times)


def added(told: Told, stat: str) -> int:
    """What a counter has counted in between; since its Envoy's start where that was later."""
    now, was = told.after.counters.get(stat, 0), told.before.counters.get(stat, 0)
    return now - was if now >= was else now


def _buckets(told: Told, stat: str) -> Buckets:
    now, was = told.after.histograms.get(stat, {}), told.before.histograms.get(stat, {})
    added = {at: (width, count - was.get(at, (0, 0))[1]) for at, (width, count) in now.items()}
    if any(count < 0 for _, count in added.values()):
        return now
    return {at: each for at, each in added.items() if each[1]}


def together(parts: Iterable[Flow], **named: Any) -> Flow:
    """Several as one: counts and times add up; ``named`` are the fields to give it."""
    found = list(parts)
    times: dict[float, tuple[float, int]] = {}
    for part in found:
        for at, (width, count) in part.times.items():
            times[at] = (width, times.get(at, (width, 0))[1] + count)
    first = found[0]
    kept = {name: getattr(first, name) for name in ("node", "service", "side", "peer", "version")}
    total, failed = sum(each.total for each in found), sum(each.failed for each in found)
    return Flow(**{**kept, **named}, total=total, failed=failed, times=times)
