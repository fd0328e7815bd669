"""Kuma's objects, and Kong Mesh's, as patterns of ours; both forms are one.

The way through this room::

    document ─ documents (universal) ┐
    object of Kubernetes ────────────┴ dataplanes, services ─ callers (who calls whom)
    targetRef ─ proxies ─ merging ─┬ outbound: `to` ─ retries, timeouts, …     routes, gateways
                                   └ inbound: `from`, `rules` ─ permissions, limits_and_faults, …

https://kuma.io/docs/latest/policies/introduction/
"""

from __future__ import annotations

from collections.abc import Sequence

from mesh_patterns.importers import looked_up
from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.kuma import (
    callers,
    dataplanes,
    gateways,
    limits_and_faults,
    mutual_tls,
    outbound,
    permissions,
    proxy_patches,
    routes,
    telemetry,
)
from mesh_patterns.importers.kuma import services as services_
from mesh_patterns.importers.kuma.world import MESH_LABEL, Source, World
from mesh_patterns.importers.notes import Notes, listed
from mesh_patterns.importers.objects import KUMA, Object
from mesh_yaml.node import Node

_POLICIES = (
    "MeshHTTPRoute", "MeshTCPRoute", "MeshRetry", "MeshTimeout", "MeshCircuitBreaker",
    "MeshHealthCheck", "MeshLoadBalancingStrategy", "MeshTrafficPermission", "MeshRateLimit",
    "MeshFaultInjection", "MeshAccessLog",
)  # fmt: skip


_DESCRIBING = frozenset({"Mesh", "Dataplane", "MeshService", "MeshExternalService"})


class _Sources:
    """All of Kuma's objects by their kinds."""

    def __init__(self, objects: Sequence[Object], world: World) -> None:
        self._found: dict[str, list[Source]] = {}
        for each in objects:
            if each.family == KUMA and each.is_policy():
                self._found.setdefault(each.kind, []).append(Source(each, world))

    def of(self, *kinds: str) -> list[Source]:
        return [source for kind in kinds for source in self._found.get(kind, ())]


def services(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> None:
    """The services of proxies, and those of the world outside; who calls whom."""
    looked_up.check(KUMA, objects, _DESCRIBING)
    world = World(catalog, notes)
    found = _Sources(objects, world)
    _tell_meshes(objects, notes)
    dataplanes.services(found.of("Dataplane"), world)
    services_.outside(found.of("MeshExternalService", "ExternalService"))
    services_.meant(found.of("MeshService"))
    dataplanes.calls(found.of("Dataplane"), world)
    gateways.listeners(found.of("MeshGateway"))
    callers.learn(found.of(*_POLICIES), world)


def _tell_meshes(objects: Sequence[Object], notes: Notes) -> None:
    own = [each for each in objects if each.family == KUMA and each.kind in _POLICIES]
    meshes = {each.labels.get(MESH_LABEL, "default"): each for each in own}
    if len(meshes) > 1:
        message = f"objects of several meshes ({listed(meshes)}): all are of one here"
        notes.warn([*meshes.values()][1].place, message)


def patterns(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Node]:
    """What Kuma's objects do. Gateways come first: they say what is at the ingress."""
    world = World(catalog, notes)
    found = _Sources(objects, world)
    dataplanes.known(found.of("Dataplane"), world)
    listening = gateways.listeners(found.of("MeshGateway"))
    rows = {kind: found.of(kind) for kind in outbound.CHECKS}
    said = outbound.read(rows)
    world.routes.update(outbound.routes(said))
    routes.tell_others(said)
    http = found.of("MeshHTTPRoute")
    made = gateways.patterns(listening, found.of("MeshGatewayRoute"), http, world)
    inside = [source for source in http if not gateways.is_at_gateway(source)]
    made += routes.patterns(inside, found.of("MeshTCPRoute"), world)
    made += notes.guard(outbound.patterns, said, world) or []
    for work, kind in (
        (limits_and_faults.limits, "MeshRateLimit"),
        (limits_and_faults.faults, "MeshFaultInjection"),
        (telemetry.logs, "MeshAccessLog"), (telemetry.traces, "MeshTrace"),
        (proxy_patches.patterns, "MeshProxyPatch"),
    ):  # fmt: skip
        made += notes.collected(work(found.of(kind), world))
    return made + _access(found, world)


def _access(found: _Sources, world: World) -> list[Node]:
    """Who may call whom goes by certificates; without a Mesh they are taken for granted."""
    meshes, asked = found.of("Mesh"), found.of("MeshTrafficPermission")
    mtls = mutual_tls.of_meshes(meshes)
    if meshes and mtls is None:
        for source in asked[:1]:
            told = "MeshTrafficPermissions in a Mesh without mtls, where they mean nothing"
            source.approximate(told, Node(None, source.object.place))
        return []
    if mtls is None and asked:
        mtls = Node.of({"mode": "strict"}, asked[0].object.place)
    made = world.notes.collected(mutual_tls.patterns(mtls, found.of("MeshTLS"), world))
    return made + world.notes.collected(permissions.patterns(asked, world))
