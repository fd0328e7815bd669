"""SMI's TrafficSplit, TrafficTarget and the traffic specs that they name, as patterns of ours.

All versions are read alike: the first ones say beside the metadata what later ones say in ``spec``.
https://github.com/servicemeshinterface/smi-spec
"""

from __future__ import annotations

from collections.abc import Sequence

from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import SMI, Object, of_kind
from mesh_patterns.importers.smi import groups, identities, splits, targets
from mesh_patterns.importers.smi.world import Source, World
from mesh_yaml.node import Node


def patterns(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Node]:
    """What SMI's objects do. Specs come first: the others name them."""
    found = [each for each in objects if each.family == SMI and each.is_policy()]
    if not found:
        return []
    world = World(catalog, notes)
    for source in _sources(found, "HTTPRouteGroup", world):
        key = (source.object.namespace, source.object.name)
        world.groups[key] = notes.guard(groups.read, source) or {}
    for source in _sources(found, "TCPRoute", world):
        world.streams.add((source.object.namespace, source.object.name))
    for source in _sources(found, "IdentityBinding", world):
        key = (source.object.namespace, source.object.name)
        world.bindings[key] = notes.guard(identities.bound, source) or ()
    made = splits.patterns(_sources(found, "TrafficSplit", world), world)
    return [*made, *targets.patterns(_sources(found, "TrafficTarget", world), world)]


def _sources(found: Sequence[Object], kind: str, world: World) -> list[Source]:
    return [Source(each, world) for each in of_kind(found, kind, SMI)]


def services(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> None:
    """SMI describes none."""
