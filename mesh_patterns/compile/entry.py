"""An entry into an Envoy: one listener with its route table, before it becomes messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mesh_patterns.draft import Edge, Filter, Rule
from mesh_patterns.model import Instance
from mesh_patterns.place import Place


@dataclass(frozen=True, slots=True)
class Row:
    """One route of a virtual host: a rule of an edge. ``filters`` are the edge's own."""

    edge: Edge
    rule: Rule
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """A virtual host: the names that lead to it, and its rows in order."""

    name: str
    domains: tuple[str, ...]
    rows: tuple[Row, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One listener: ``addresses`` (ports), route table, filters in Envoy's order.

    ``instance`` is set on an inbound entry: everything goes to its workload.
    """

    name: str
    direction: str  # "inbound", "outbound", "ingress"
    ports: tuple[int, ...]
    place: Place
    filters: tuple[Filter, ...] = ()
    hosts: tuple[Host, ...] = field(default=())
    instance: Instance | None = None


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
