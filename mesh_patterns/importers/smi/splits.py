"""TrafficSplit: a share of the requests to a root service goes to each of its backends.

https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-split
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers import backends, parts
from mesh_patterns.importers.catalog import Entry, Part
from mesh_patterns.importers.fields import needed, text
from mesh_patterns.importers.quantities import weights
from mesh_patterns.importers.smi import groups
from mesh_patterns.importers.smi.world import Source, World
from mesh_patterns.selector import MESH
from mesh_yaml.node import Node

_KNOWN = ("service", "backends", "matches")


@dataclass(frozen=True, slots=True)
class Split:
    """One split: requests (all, if there are no matches) of a root's callers, and their shares."""

    source: Source
    root: Entry
    part: Part | None
    matches: tuple[Node, ...]
    to: dict[str, Node]

    def rule(self) -> Node:
        made: dict[str, Any] = {"match": list(self.matches)} if self.matches else {}
        return Node.of({**made, "to": dict(self.to)}, self.source.object.place)


def patterns(sources: Iterable[Source], world: World) -> Iterator[Node]:
    """A pattern for each root: splits with matches first, and one for the rest."""
    by_root: dict[str, list[Split]] = {}
    for source in sources:
        split = world.notes.guard(read, source)
        if split is not None:
            key = split.part.hosts[0] if split.part else split.root.name
            by_root.setdefault(key, []).append(split)
    yield from map(_pattern, by_root.values())


def _pattern(splits: Sequence[Split]) -> Node:
    ordered = sorted(splits, key=lambda split: not split.matches)
    rest = [split for split in ordered if not split.matches]
    for split in rest[1:]:
        it = rest[0].source
        message = f"{it.owner} (at {it.object.place}) splits the same requests"
        split.source.notes.warn(split.source.object.place, f"{message}: this one is left out")
    first = ordered[0]
    place = Node(None, first.source.object.place)
    rules = [split.rule() for split in ordered if split.matches or split is rest[0]]
    if first.part is not None:
        else_ = Node.of({"to": dict.fromkeys(first.part.targets(), 1)}, place.place)
        return parts.pattern(MESH, first.part, [*rules, else_], place)
    made = {"pattern": "route", "on": f"{MESH} -> {first.root.name}", "rules": rules}
    return Node.of(made, place.place)


def read(source: Source) -> Split | None:
    """A split; ``None`` where there is nothing to split, which is told.

    Raises:
        DocumentError: it has no service, or a weight that is none.
    """
    spec, catalog = source.object.spec, source.world.catalog
    source.notes.leftovers(spec, _KNOWN, source.owner)
    name = needed(spec, "service", source.owner)
    host = Node(name.text().removesuffix("."), name.place)
    part = catalog.part(host.text(), source.object.namespace)
    entry = part.entry if part else catalog.lookup(host.text(), source.object.namespace)
    if entry is None and catalog.described:
        message = f"no file has the service {name.text()!r}: {source.owner} is left out"
        source.notes.warn(name.place, message)
        return None
    root = entry or source.service(host)
    to = _shares(source, root)
    if not any(weight.value for weight in to.values()):
        source.notes.warn(name.place, f"{source.owner} sends nothing to anybody: left out")
        return None
    matches = _matches(source)
    return None if matches is None else Split(source, root, part, matches, to)


def _shares(source: Source, root: Entry) -> dict[str, Node]:
    shares: list[tuple[int, Sequence[str], Node]] = []
    nodes = source.list("backends")
    numbers = weights(nodes)
    for node, number in zip(nodes, numbers, strict=True):
        source.notes.leftovers(node, ("service", "weight"), source.owner, "backends.")
        name = needed(node, "service", "a backend")
        found = backends.targets(name, source.object.namespace, source.world.catalog, root)
        if not found:
            message = f"no file has the service {name.text()!r}: it gets nothing of {source.owner}"
            source.notes.warn(name.place, message)
        shares.append((number, found, node.get("weight") or node))
    return backends.shared(shares)


def _matches(source: Source) -> tuple[Node, ...] | None:
    """Those of all groups together; ``None`` if one is for requests that nobody knows."""
    found: list[Node] = []
    for node in source.list("matches"):
        kind = text(node, "kind", "HTTPRouteGroup")
        name = needed(node, "name", "a match")
        group = source.world.groups.get((source.object.namespace, name.text()))
        if kind != "HTTPRouteGroup" or group is None:
            message = f"no file has the {kind} {name.text()!r}: {source.owner} is left out"
            source.notes.warn(name.place, message)
            return None
        found += [groups.as_match(dict(made), name) for each in group.values() for made in each]
    if any(not match.value for match in found):
        return ()
    return tuple(found)
