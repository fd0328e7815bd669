"""DestinationRule: subsets, which become versions. Its traffic policies are not taken yet."""

from __future__ import annotations

from mesh_patterns.importers.catalog import Entry, Variant
from mesh_patterns.importers.istio.source import Source, Subset
from mesh_patterns.importers.notes import listed
from mesh_patterns.importers.objects import texts
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_KNOWN = frozenset({"host", "subsets", "trafficPolicy", "exportTo"})


def read(source: Source) -> None:
    """Learn the rule's subsets; a service that nobody has is made up of them.

    Raises:
        DocumentError: it has no host, or a subset no name.
    """
    host = source.object.spec.get("host")
    if host is None:
        raise DocumentError.at(source.object.place, f"{source.owner} has no 'host'")
    _policy(source, source.object.spec)
    source.notes.leftovers(source.object.spec, _KNOWN, source.owner)
    if "*" in host.text():
        source.skip("a host with a wildcard", host)
        return
    entry = source.service(host)
    empty = [
        subset.name
        for node in source.list("subsets")
        if not _known(entry, subset := _subset(source, entry, node))
    ]
    if empty:
        message = f"{source.owner}: no workload of {entry.name!r} has the labels of {listed(empty)}"
        source.notes.warn(host.place, message)


def _subset(source: Source, entry: Entry, node: Node) -> Subset:
    name = node.get("name")
    if name is None:
        raise DocumentError.at(node.place, "a subset has no 'name'")
    source.notes.leftovers(node, ("name", "labels", "trafficPolicy"), source.owner, "subset.")
    _policy(source, node)
    subset = Subset(name.text(), texts(node.get("labels")), name.place)
    source.world.subsets[entry.name, subset.name] = subset
    return subset


def _known(entry: Entry, subset: Subset) -> bool:
    """Whether some workload is in the subset; a made-up service gets one."""
    if entry.invented:
        stand_in(entry, subset)
    return bool(members(entry, subset))


def _policy(source: Source, node: Node) -> None:
    policy = node.get("trafficPolicy")
    source.notes.leftovers(policy or Node(None, node.place), (), source.owner, "trafficPolicy.")


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
