"""Destinations: a host and a subset of it become ``to:`` of a rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesh_patterns.importers.backends import shared
from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import whole_number
from mesh_patterns.importers.istio import gateways
from mesh_patterns.importers.istio.destination_rules import members, stand_in
from mesh_patterns.importers.istio.source import Source, Subset
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_KNOWN = frozenset({"host", "subset", "port"})


def targets(destination: Node, source: Source) -> tuple[str, ...]:
    """The service, or the versions of it, that a destination means.

    Raises:
        DocumentError: it has no host.
    """
    host = destination.get("host")
    if host is None:
        raise DocumentError.at(destination.place, "a destination has no 'host'")
    source.notes.leftovers(destination, _KNOWN, source.owner, "destination.")
    hosts = source.list("hosts")
    if gateways.is_egress(host.text()) and hosts:
        return (source.service(hosts[0]).name,)  # through the gateway, as all that is outside
    part = source.world.catalog.part(host.text(), source.object.namespace)
    name = destination.get("subset")
    if part is not None and (name is None or not name.value):
        return part.targets()
    entry = source.service(host)
    if name is None or name.value in (None, "") or entry.outside is not None:
        return (entry.name,)
    return tuple(_versions(entry, name, source))


def _versions(entry: Entry, name: Node, source: Source) -> Iterator[str]:
    subset = source.world.subsets.get((entry.name, name.text()))
    if subset is None:
        yield _undefined(entry, name, source)
        return
    found = members(entry, subset)
    if not found and entry.own:
        yield f"{entry.name}/{name.text()}"  # an error, unless our own file has such a version
        return
    if not found:
        found = [stand_in(entry, subset)]
        message = (
            f"no workload is in subset {subset.name!r} of {entry.name!r} (at {subset.place}): "
            f"the echo stands in as version {found[0].name!r}"
        )
        source.notes.warn(name.place, message)
    yield from (entry.target(variant) for variant in found)


def _undefined(entry: Entry, name: Node, source: Source) -> str:
    """A subset that no DestinationRule has: the version of that name."""
    version = name.text()
    if version not in entry.variants and not entry.own:
        stand_in(entry, Subset(version, {"version": version}, name.place))
    there = entry.own or entry.variants[version].workloads
    means = "taken for its version" if there else "the echo stands in as version"
    message = (
        f"no DestinationRule has the subset {version!r} of {entry.name!r}: {means} {version!r}"
    )
    source.notes.approximate(message, name.place, source.owner)
    return f"{entry.name}/{version}"


def weights(routes: Iterable[Node], source: Source) -> dict[str, Node]:
    """``to:`` of a rule: targets with their weights. A subset of several versions is shared out
    evenly among them, where Istio goes by their number of workloads.
    """
    shares: list[tuple[int, tuple[str, ...], Node]] = []
    nodes = list(routes)
    for node in nodes:
        destination = node.get("destination")
        if destination is None:
            raise DocumentError.at(node.place, "a route has no 'destination'")
        source.notes.leftovers(node, ("destination", "weight", "headers"), source.owner, "route.")
        weight = node.get("weight")
        alone = len(nodes) == 1 and (weight is None or weight.value in (None, 0))
        number = 100 if alone else _weight(weight)
        shares.append((number, targets(destination, source), weight or destination))
    return shared(shares)


def _weight(node: Node | None) -> int:
    if node is None or node.value is None:
        return 0
    return whole_number(node, "a weight is a whole number", low=0)
