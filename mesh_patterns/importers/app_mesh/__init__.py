"""AWS App Mesh's objects as patterns of ours: those of its controller for Kubernetes, and those of
its API, which name each other otherwise and say the same.

The way through this room::

    JSON of the API ─ documents ┐
    object of Kubernetes ───────┴ nodes (services, versions, calls) ─ routers ─ gateways
                                                                    └ listeners (of nodes)

https://docs.aws.amazon.com/app-mesh/latest/userguide/
"""

from __future__ import annotations

from collections.abc import Sequence

from mesh_patterns.importers import looked_up
from mesh_patterns.importers.app_mesh import gateways, listeners, nodes, routers
from mesh_patterns.importers.app_mesh.world import Source, World
from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.fields import text
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import APP_MESH, Object
from mesh_yaml.node import Node


def _world(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> World:
    world = World(catalog, notes)
    for each in objects:
        if each.family == APP_MESH and each.is_policy():
            world.add(Source(each, world))
    return world


def services(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> None:
    """The services that virtual nodes and virtual services are, and who calls whom.

    Raises:
        DocumentError: it would take too long.
    """
    looked_up.check(APP_MESH, objects)
    world = _world(objects, catalog, notes)
    nodes.place(world)
    nodes.calls(world)


def patterns(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Node]:
    """What App Mesh's objects do. Gateways come first: they say what is at the ingress."""
    world = _world(objects, catalog, notes)
    for mesh in world.of("Mesh"):
        notes.guard(_tell, mesh)
    made = gateways.patterns(world)
    made += notes.collected(routers.patterns(world))
    return made + notes.collected(listeners.patterns(world))


def _tell(mesh: Source) -> None:
    """Callers reach those whom they call, as with DROP_ALL."""
    spec = mesh.object.spec
    known = ("awsName", "namespaceSelector", "egressFilter", "meshOwner")
    mesh.notes.leftovers(spec, known, mesh.owner)
    kind = text(spec.find("egressFilter"), "type")
    if kind == "ALLOW_ALL":
        what = "egressFilter ALLOW_ALL: what no file describes is not reached from here"
        mesh.approximate(what, spec.find("egressFilter"))
