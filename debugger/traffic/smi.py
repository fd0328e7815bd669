"""SMI's TrafficMetrics of a mesh: counts and latencies of its parts, and of the edges between them.

A version of a service is a pod and a deployment, the service a service, and all are in one
namespace. An edge is what the sender's Envoy has counted, so its side is the client's.
https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-metrics/v1alpha1/traffic-metrics.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from debugger.traffic.flow import INGRESS, Flow, together

GROUP = "metrics.smi-spec.io/v1alpha1"
NAMESPACE = "default"
# The resources that are answered, and the kind of each.
KINDS: Mapping[str, str] = {
    "namespaces": "Namespace",
    "services": "Service",
    "deployments": "Deployment",
    "pods": "Pod",
}
_LATENCIES = {"p99": 0.99, "p90": 0.9, "p50": 0.5}


class NoMetrics(LookupError):
    """Nobody of that kind or name has seen a request, or is there."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What all parts of a mesh have seen in the ``window`` seconds before ``timestamp``, which is
    as RFC 3339 has it."""

    flows: Sequence[Flow]
    timestamp: str
    window: float

    def listed(self, resource: str, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
        """All of one kind. ``labels`` (``app``, ``version``) say which are in the list.

        Raises ``NoMetrics`` for a kind that there is none of.
        """
        kind = _kind(resource)
        names = dict.fromkeys(_name(kind, flow) for flow in self.flows if flow.side == "server")
        wanted = labels or {}
        for label, value in wanted.items():
            names = {name: None for name in names if self._label(kind, name, label, value)}
        about = {"kind": kind} if kind == "Namespace" else {"kind": kind, "namespace": NAMESPACE}
        return self._list(about, [self.of(resource, name) for name in names], wanted)

    def of(self, resource: str, name: str) -> dict[str, Any]:
        """All requests that one has received. Raises ``NoMetrics``."""
        kind = _kind(resource)
        mine = [it for it in self.flows if it.side == "server" and _name(kind, it) == name]
        if not mine:
            raise NoMetrics(f"no metrics of {kind} {name!r}")
        edge = {"direction": "from", "side": "server", "resource": {}}
        return self._metrics(_reference(kind, name), edge, together(mine))

    def edges(self, resource: str, name: str) -> dict[str, Any]:
        """Between one and each other that it has exchanged requests with. Raises ``NoMetrics``."""
        kind = _kind(resource)
        items = [*self._to(kind, name), *self._from(kind, name)]
        if not items and not any(_name(kind, flow) == name for flow in self.flows):
            raise NoMetrics(f"no metrics of {kind} {name!r}")
        return self._list(_reference(kind, name), items, {})

    def _to(self, kind: str, name: str) -> Iterator[dict[str, Any]]:
        mine = [it for it in self.flows if it.side == "client" and _name(kind, it) == name]
        for peer, flows in _by(mine, lambda flow: self._peer(kind, flow)).items():
            edge = {"direction": "to", "side": "client", "resource": _reference(*peer)}
            yield self._metrics(_reference(kind, name), edge, together(flows))

    def _from(self, kind: str, name: str) -> Iterator[dict[str, Any]]:
        theirs = [
            it for it in self.flows if it.side == "client" and self._peer(kind, it) == (kind, name)
        ]
        for source, flows in _by(theirs, lambda flow: (kind, _name(kind, flow))).items():
            edge = {"direction": "from", "side": "client", "resource": _reference(*source)}
            yield self._metrics(_reference(kind, name), edge, together(flows))

    def _peer(self, kind: str, flow: Flow) -> tuple[str, str]:
        """Whom it was sent to. A pod's requests to a service of several versions go to whichever is
        next, and no cluster's counters say to which: that edge is with the service."""
        if kind not in ("Pod", "Deployment"):
            return kind, NAMESPACE if kind == "Namespace" else flow.peer
        pods = {it.node for it in self.flows if it.side == "server" and it.service == flow.peer}
        if flow.version:
            return kind, f"{flow.peer}-{flow.version}"
        return (kind, pods.pop()) if len(pods) == 1 else ("Service", flow.peer)

    def _label(self, kind: str, name: str, label: str, value: str) -> bool:
        mine = [it for it in self.flows if it.side == "server" and _name(kind, it) == name]
        values = {"app": {it.service for it in mine}, "version": {_version(it) for it in mine}}
        return value in values.get(label, ())

    def _metrics(
        self, resource: Mapping[str, str], edge: Mapping[str, Any], flow: Flow
    ) -> dict[str, Any]:
        latencies = [
            {"name": f"{name}_response_latency", "unit": "seconds", "value": _milli(flow, share)}
            for name, share in _LATENCIES.items()
        ]
        counts = [
            {"name": "success_count", "value": flow.ok},
            {"name": "failure_count", "value": flow.failed},
        ]
        return {
            "apiVersion": GROUP,
            "kind": "TrafficMetrics",
            "resource": dict(resource),
            "edge": dict(edge),
            "timestamp": self.timestamp,
            "window": f"{self.window:.0f}s",
            "metrics": latencies + counts,
        }

    def _list(
        self, resource: Mapping[str, str], items: list[dict[str, Any]], labels: Mapping[str, str]
    ) -> dict[str, Any]:
        selector = {"selector": {"matchLabels": dict(labels)}} if labels else {}
        about = {"apiVersion": GROUP, "kind": "TrafficMetricsList", "resource": dict(resource)}
        return {**about, **selector, "items": items}


def resources() -> dict[str, Any]:
    """The list of what may be asked."""
    rows = [
        {
            "name": name,
            "namespaced": kind != "Namespace",
            "kind": "TrafficMetrics",
            "verbs": ["get", "list"],
        }
        for name, kind in KINDS.items()
    ]
    return {
        "apiVersion": "v1",
        "kind": "APIResourceList",
        "groupVersion": GROUP,
        "resources": rows,
    }


def _kind(resource: str) -> str:
    kind = KINDS.get(resource)
    if kind is None:
        raise NoMetrics(f"no metrics of {resource[:40]!r}, of these there are: {', '.join(KINDS)}")
    return kind


def _name(kind: str, flow: Flow) -> str:
    """What the part that has counted is called, as a resource of this kind."""
    names = {"Namespace": NAMESPACE, "Service": flow.service}
    return names.get(kind, flow.node)


def _version(flow: Flow) -> str:
    return flow.node.removeprefix(flow.service).removeprefix("-") if flow.node != INGRESS else ""


def _reference(kind: str, name: str) -> dict[str, str]:
    """An ObjectReference of Kubernetes."""
    return {"kind": kind, "name": name, **({} if kind == "Namespace" else {"namespace": NAMESPACE})}


def _by(flows: Iterable[Flow], key: Any) -> dict[tuple[str, str], list[Flow]]:
    found: dict[tuple[str, str], list[Flow]] = {}
    for flow in flows:
        found.setdefault(key(flow), []).append(flow)
    return found


def _milli(flow: Flow, share: float) -> str:
    """A quantity of seconds, in thousandths (Kubernetes, "Quantity")."""
    return f"{flow.quantile(share):.0f}m"
