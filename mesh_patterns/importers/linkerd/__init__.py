"""Linkerd's objects and annotations as patterns of ours.

The way through this room::

    ServiceProfile ─ conditions, classes ─ profiles          Service annotations ─ balancing
    Server ─ servers ┐
    AuthorizationPolicy, ServerAuthorization ─ authorizations ─ authentications ┴ guards
    HTTPLocalRateLimitPolicy ─ rate_limits    EgressNetwork ─ egress    annotations ─ defaults

Its HTTPRoutes and GRPCRoutes at Services are read as the Gateway API's, in ``gateway_api/``.
https://linkerd.io/2/reference/
"""

from __future__ import annotations

from collections.abc import Sequence

from mesh_patterns.importers import looked_up
from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.linkerd import (
    authorizations,
    balancing,
    defaults,
    egress,
    guards,
    profiles,
    rate_limits,
    servers,
)
from mesh_patterns.importers.linkerd.world import Source, World
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import LINKERD, Object
from mesh_yaml.node import Node


def services(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> None:
    """Hosts outside that routes lead to, and what services speak."""
    world = World(catalog, notes, objects)
    notes.guard(defaults.opaque, world)
    notes.each(egress.read, _sources("EgressNetwork", world))
    egress.services(world)


def patterns(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Node]:
    """What Linkerd's objects do. Servers come last: they say who may send all the rest."""
    looked_up.check(LINKERD, objects)
    world = World(catalog, notes, objects)
    found = notes.each(profiles.read, _sources("ServiceProfile", world))
    made = list(profiles.patterns(found, world))
    profiled = [profile.entry.name for profile in found if not profile.is_consumers]
    for it in objects:
        if it.is_service():
            of_service = balancing.patterns(Source(it, world), profiled)
            made += notes.collected(of_service)
    known = notes.each(servers.read, _sources("Server", world))
    grants = notes.each(authorizations.of_policy, _sources("AuthorizationPolicy", world))
    grants += notes.each(
        authorizations.of_server_authorization, _sources("ServerAuthorization", world)
    )
    for source in _sources("HTTPLocalRateLimitPolicy", world):
        made += notes.collected(rate_limits.patterns(source, known))
    made += guards.patterns(known, grants, world)
    return [*made, *defaults.patterns(known, world)]


def _sources(kind: str, world: World) -> list[Source]:
    found = (it for it in world.objects if it.family == LINKERD and it.kind == kind)
    return [Source(it, world) for it in found]
