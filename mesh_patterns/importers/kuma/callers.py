"""Calls that policies take for granted: who sends to whom by a route, or may send by a permission.

With transparent proxies nobody writes down who calls whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import text
from mesh_patterns.importers.kuma import names
from mesh_patterns.importers.kuma.proxies import Proxies, proxies
from mesh_patterns.importers.kuma.world import Source, World
from mesh_patterns.importers.notes import listed
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node

_NAMED = ("MeshService", "MeshExternalService")


def learn(sources: Iterable[Source], world: World) -> None:
    """Give each service its ``calls``."""
    found: dict[str, Object] = {}
    for source in sources:
        for caller, callee in world.notes.collected(_pairs(source)):
            if caller is not callee and callee.name not in caller.calls and not caller.own:
                caller.calls[callee.name] = None
                found[f"{caller.name} → {callee.name}"] = source.object
    if found:
        place = next(iter(found.values())).place
        world.notes.warn(place, f"calls are taken from policies: {listed(found)}")


def _pairs(source: Source) -> Iterator[tuple[Entry, Entry]]:
    spec, entries = source.object.spec, source.world.catalog.entries
    ref = spec.get("targetRef")
    if ref is not None and text(ref, "kind") == "MeshHTTPRoute":
        return
    own = proxies(ref, source)
    for node in source.list("to"):
        goal = node.get("targetRef") or Node(None, node.place)
        if text(goal, "kind") in _NAMED and own.services:
            callee = names.service(*names.named(goal, source), source)
            yield from ((entries[name], callee) for name in own.services)
    for node in source.list("from"):
        if _is_refused(node) or own.everybody:
            continue
        whom: Proxies = proxies(node.get("targetRef"), source)
        for caller in whom.services:
            yield from ((entries[caller], entries[name]) for name in own.services)


def _is_refused(node: Node) -> bool:
    conf = node.get("default")
    return conf is not None and text(conf, "action").lower() == "deny"
