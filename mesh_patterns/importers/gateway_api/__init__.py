"""The Gateway API's routes as patterns of ours: at gateways, and at Services inside the mesh.

The way through this room::

    Gateway ─ listeners ┐
    route ─ parentRefs ─┴ ingress (by host) · mesh (by callers) ─ rules ─ matches, backends, filters

https://gateway-api.sigs.k8s.io/reference/spec/
"""

from __future__ import annotations

from collections.abc import Sequence

from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.gateway_api import (
    backend_policies,
    gateways,
    grants,
    ingress,
    mesh,
    routes,
    streams,
)
from mesh_patterns.importers.gateway_api.routes import Route
from mesh_patterns.importers.gateway_api.world import Source, World
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import GATEWAY_API, Object
from mesh_patterns.importers.tables import carried
from mesh_yaml.node import Node

_NOT_YET = {
    "UDPRoute": "UDPRoute: the mesh carries no UDP",
}


def patterns(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Node]:
    """What the Gateway API's objects do."""
    found = [each for each in objects if GATEWAY_API in each.families()]
    if not found:
        return []
    for each in found:
        if each.kind in _NOT_YET:
            notes.skip(_NOT_YET[each.kind], each.place, str(each))
    world = World(catalog, notes, notes.each(grants.read, _of(found, "ReferenceGrant")))
    sources = [Source(each, world) for each in _of(found, "Gateway")]
    read = {(s.object.namespace, s.object.name): notes.guard(gateways.read, s) for s in sources}
    known = {key: listeners for key, listeners in read.items() if listeners is not None}
    http = _routes(found, ("HTTPRoute", "GRPCRoute"), world)
    raw = _routes(found, ("TCPRoute", "TLSRoute"), world)
    made = [
        node
        for kind in backend_policies.TRAFFIC
        for each in _of(found, kind)
        for node in notes.collected(backend_policies.traffic(Source(each, world)))
    ]
    for each in _of(found, backend_policies.TLS):
        made += notes.collected(backend_policies.tls(Source(each, world)))
    made += notes.collected(backend_policies.sessions(http))
    tables = notes.guard(ingress.tables, http, known) or []
    made += notes.collected(carried(tables, catalog, notes))
    made += notes.collected(mesh.patterns(mesh.callees(http, catalog), catalog, notes))
    return [*made, *notes.collected(streams.patterns(raw, known, catalog, notes))]


def _of(found: Sequence[Object], kind: str) -> list[Object]:
    return [each for each in found if each.kind == kind]


def _routes(found: Sequence[Object], kinds: Sequence[str], world: World) -> list[Route]:
    each = (Source(it, world) for kind in kinds for it in _of(found, kind))
    return world.notes.each(routes.read, each)


def services(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> None:
    """The Gateway API describes none."""
