"""Consul's config entries and Kubernetes resources as patterns of ours.

The way through this room::

    config entry ─ entries ─ spelling ┐
    Kubernetes resource ─ spelling ───┴ routers ─ chain ─ subsets    resolvers: how hosts are chosen
                                        intentions    defaults ─ extensions    gateways

https://developer.hashicorp.com/consul/docs/connect/config-entries
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mesh_patterns.importers import looked_up
from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.consul import defaults, gateways, intentions, resolvers, routers
from mesh_patterns.importers.consul.entries import read
from mesh_patterns.importers.consul.spelling import normal
from mesh_patterns.importers.consul.world import Source, World
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import CONSUL, Object
from mesh_yaml.node import Node

__all__ = ["patterns", "read", "services"]


def services(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> None:
    """Services outside, and what all of them speak."""
    world = _world(objects, catalog, notes)
    notes.each(gateways.terminating, _sources("TerminatingGateway", world))
    defaults.speak(world)


def patterns(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Node]:
    """What Consul's objects do. Gateways come first: chains hold there, too."""
    looked_up.check(CONSUL, objects)
    world = _world(objects, catalog, notes)
    at_ingress = {
        name
        for found in notes.each(gateways.ingress, _sources("IngressGateway", world))
        for name in found
    }
    for source in world.resolvers.values():
        notes.guard(resolvers.check, source)
    for source in world.routers.values():
        notes.leftovers(source.object.spec, ("routes",), source.owner)
    for source in world.splitters.values():
        notes.leftovers(source.object.spec, ("splits",), source.owner)
    made = list(routers.patterns(world, frozenset(at_ingress)))
    for source in world.resolvers.values():
        made += notes.collected(resolvers.patterns(source))
    for source in _sources("ServiceDefaults", world):
        made += notes.collected(defaults.of_service(source))
    for source in _sources("ProxyDefaults", world):
        made += notes.collected(defaults.of_proxies(source))
    for source in _sources("Mesh", world):
        notes.leftovers(source.object.spec, (), source.owner)
    found = notes.each(intentions.read, _sources("ServiceIntentions", world))
    return [*made, *notes.collected(intentions.patterns(found, world))]


def _world(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> World:
    """Keys of resources may be spelled in any way, too."""
    ours = [replace(it, spec=normal(it.spec)) if it.family == CONSUL else it for it in objects]
    gateways_ = frozenset(it.name for it in ours if it.kind == "IngressGateway")
    world = World(
        catalog, notes, ours, {it.ref: it for it in ours}, gateways_ | {"ingress-gateway"}
    )
    for kind, known in (
        ("ServiceRouter", world.routers),
        ("ServiceSplitter", world.splitters),
        ("ServiceResolver", world.resolvers),
    ):
        known.update({source.object.name: source for source in _sources(kind, world)})
    return world


def _sources(kind: str, world: World) -> list[Source]:
    found = (it for it in world.objects if it.family == CONSUL and it.kind == kind)
    return [Source(it, world) for it in found]
