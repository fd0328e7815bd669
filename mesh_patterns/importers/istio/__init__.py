"""Istio's VirtualService, DestinationRule and Gateway as patterns of ours.

https://istio.io/latest/docs/reference/config/networking/
"""

from __future__ import annotations

from collections.abc import Sequence

from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.istio import destination_rules, gateways, virtual_services
from mesh_patterns.importers.istio.source import Source, World
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Object, of_kind
from mesh_yaml.node import Node


def patterns(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Node]:
    """What Istio's objects do. Subsets come first: they name versions."""
    world = World(catalog, notes, {})
    for each in of_kind(objects, "DestinationRule"):
        notes.guard(destination_rules.read, Source(each, world))
    read = {
        (each.namespace, each.name): notes.guard(gateways.read, Source(each, world))
        for each in of_kind(objects, "Gateway")
    }
    known = {key: gateway for key, gateway in read.items() if gateway is not None}
    sources = [Source(each, world) for each in of_kind(objects, "VirtualService")]
    for source in sources:
        notes.guard(virtual_services.check, source)
    mesh = notes.guard(list, virtual_services.on_the_mesh(sources)) or []
    ingress = notes.guard(list, virtual_services.at_the_ingress(sources, known)) or []
    return [*mesh, *ingress]
