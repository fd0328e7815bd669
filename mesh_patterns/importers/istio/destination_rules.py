"""DestinationRule: subsets, which become versions. What it says of traffic to them is for
``traffic_policies.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mesh_patterns.importers.catalog import Entry, Variant
from mesh_patterns.importers.istio import gateways
from mesh_patterns.importers.istio.source import Source, Subset
from mesh_patterns.importers.istio.workloads import choice
from mesh_patterns.importers.notes import listed
from mesh_patterns.importers.objects import texts
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_KNOWN = frozenset({"host", "subsets", "trafficPolicy", "exportTo", "workloadSelector"})


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was read. ``host`` may be a wildcard; ``entry`` is ``None`` then. ``callers`` are
    the services that it is for, ``None``: whoever calls.
    """

    source: Source
    host: Node
    entry: Entry | None
    subsets: tuple[tuple[Subset, Node], ...] = ()
    callers: tuple[str, ...] | None = None

    @property
    def policy(self) -> Node | None:
        return self.source.object.spec.get("trafficPolicy")


def read(source: Source) -> Rule | None:
    """Learn the rule's subsets; a service that nobody has is made up of them. ``None``: it is for
    the way to the egress gateway, which is none of the services.

    Raises:
        DocumentError: it has no host, or a subset no name.
    """
    host = source.object.spec.get("host")
    if host is None:
        raise DocumentError.at(source.object.place, f"{source.owner} has no 'host'")
    source.notes.leftovers(source.object.spec, _KNOWN, source.owner)
    if gateways.is_egress(host.text()):
        _tell_egress(source)
        return None
    callers = _callers(source)
    if "*" in host.text():
        for node in source.list("subsets"):
            source.skip("a subset of a host with a wildcard", node)
        return Rule(source, host, None, callers=callers)
    entry = source.service(host)
    subsets = tuple((_subset(source, entry, node), node) for node in source.list("subsets"))
    if entry.outside is None:
        _tell_empty(entry, subsets, host, source)
        return Rule(source, host, entry, subsets, callers)
    for subset, node in subsets:
        source.approximate(f"subset {subset.name!r} of a service outside is all of it", node)
    return Rule(source, host, entry, callers=callers)


def _tell_egress(source: Source) -> None:
    for each in (source.object.spec, *source.list("subsets")):
        policy = each.get("trafficPolicy")
        if policy is not None and policy.value:
            source.skip("a trafficPolicy for the way to the egress gateway", policy)


def _tell_empty(
    entry: Entry, subsets: Iterable[tuple[Subset, Node]], host: Node, source: Source
) -> None:
    empty = [subset.name for subset, _ in subsets if not _known(entry, subset)]
    if empty:
        message = f"{source.owner}: no workload of {entry.name!r} has the labels of {listed(empty)}"
        source.notes.warn(host.place, message)


def _callers(source: Source) -> tuple[str, ...] | None:
    """The services whose workloads a selector selects."""
    selector = source.object.spec.get("workloadSelector")
    if selector is None:
        return None
    found = choice(source)
    if not found.services:
        source.approximate("workloadSelector: it holds for every caller", selector)
        return None
    if any(versions is not None for versions in found.services.values()):
        source.approximate("workloadSelector: it holds for all versions of a caller", selector)
    return tuple(found.services)


def _subset(source: Source, entry: Entry, node: Node) -> Subset:
    name = node.get("name")
    if name is None:
        raise DocumentError.at(node.place, "a subset has no 'name'")
    source.notes.leftovers(node, ("name", "labels", "trafficPolicy"), source.owner, "subset.")
    subset = Subset(name.text(), texts(node.get("labels")), name.place)
    source.world.subsets[entry.name, subset.name] = subset
    return subset


def _known(entry: Entry, subset: Subset) -> bool:
    """Whether some workload is in the subset; a made-up service gets one."""
    if entry.invented:
        stand_in(entry, subset)
    return bool(members(entry, subset))


def members(entry: Entry, subset: Subset) -> list[Variant]:
    """The versions that a workload with the subset's labels stands for."""
    return [
        variant
        for variant in entry.variants.values()
        if any(subset.labels.items() <= labels.items() for labels in variant.labels)
    ]


def stand_in(entry: Entry, subset: Subset) -> Variant:
    """A version for a subset that no workload is in."""
    variant = entry.variant(subset.labels.get("version", subset.name), subset.place)
    variant.labels.append(subset.labels)
    return variant
