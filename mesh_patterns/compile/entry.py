"""An entry into an Envoy: one listener with its route table, before it becomes messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from mesh_patterns.compile import traffic_policy
from mesh_patterns.draft import Draft, Edge, Filter, Placed, Rule, Target, Weighted
from mesh_patterns.kinds.hardening import Hardening
from mesh_patterns.model import IngressTls, Instance
from mesh_patterns.policy import HashKey
from mesh_patterns.telemetry import AccessLog, Tracing
from mesh_yaml.place import Place


@dataclass(frozen=True, slots=True)
class Row:
    """One route of a virtual host: a rule of an edge. ``filters`` are the edge's own; the ``draft``
    is for what a caller's cluster is called.
    """

    edge: Edge
    rule: Rule
    draft: Draft = field(repr=False, compare=False)
    filters: tuple[Filter, ...] = ()

    def split(self) -> tuple[Weighted, ...]:
        """The rule's own split, or the edge's."""
        return self.rule.split or (self.edge.split.value if self.edge.split else ())

    def cluster(self, target: Target) -> str:
        """What this caller's cluster of ``target`` is called."""
        return traffic_policy.cluster_name(self.draft, self.edge.caller, target)

    def hash_keys(self) -> tuple[HashKey, ...]:
        """What of a request decides about its host."""
        targets = [each.target for each in self.split()] or [Target(self.edge.callee)]
        return traffic_policy.hash_keys(self.draft.edges, self.edge.caller, targets)


@dataclass(frozen=True, slots=True)
class Host:
    """A virtual host: the names that lead to it, and its rows in order."""

    name: str
    domains: tuple[str, ...]
    rows: tuple[Row, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Stream:
    """Connections that are handed on as they are, or command by command: to ``clusters``, in
    proportion to their weights. ``names`` are those by which a client asks for it (SNI); none: it
    gets whatever comes. ``idle``: how long one may be without a byte, ``longest``: there at all.
    """

    protocol: str
    clusters: tuple[tuple[str, int], ...]
    place: Place
    names: tuple[str, ...] = ()
    idle: timedelta | None = None
    longest: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Secure:
    """TLS at the ingress for who asks for one of ``names``, none: for all others. ``certificate``
    is a secret's holder, where ``tls`` names no files.
    """

    names: tuple[str, ...]
    tls: IngressTls
    certificate: str
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One listener: ``addresses`` (ports), route table, filters in Envoy's order.

    ``instance`` is set on an inbound entry: everything goes to its workload. ``mtls`` is how
    callers have to come there. Where there are ``streams``, there are no requests to be routed.
    ``whose`` requests it sees: a service's, the ingress's or the client's; ``logs`` and ``traces``
    tell of them. ``secure``: the ingress speaks TLS.
    """

    name: str
    direction: str  # "inbound", "outbound", "ingress"
    ports: tuple[int, ...]
    place: Place
    filters: tuple[Filter, ...] = ()
    hosts: tuple[Host, ...] = field(default=())
    instance: Instance | None = None
    mtls: Placed[str] | None = None
    streams: tuple[Stream, ...] = ()
    whose: str = ""
    logs: tuple[Placed[AccessLog], ...] = ()
    traces: Placed[Tracing] | None = None
    hardened: Placed[Hardening] | None = None
    secure: tuple[Secure, ...] = ()


def local_cluster(instance: Instance) -> str:
    """The cluster of an instance's own workload. No service's name holds a colon."""
    return f"local:{instance.id}"


def unique(filters: Iterable[Filter]) -> Iterator[Filter]:
    """Each filter once by name, in order: the same pattern may stand on several edges."""
    seen: set[str] = set()
    for each in filters:
        if each.name not in seen:
            seen.add(each.name)
            yield each
