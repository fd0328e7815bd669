"""Istio's objects as patterns of ours.

https://istio.io/latest/docs/reference/config/
"""

from __future__ import annotations

from collections.abc import Sequence

from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.istio import (
    authorization_policies,
    destination_rules,
    egress,
    envoy_filters,
    gateways,
    mesh_configs,
    peer_authentications,
    request_authentications,
    service_entries,
    sidecars,
    streams,
    telemetries,
    traffic_policies,
    virtual_services,
    wasm_plugins,
)
from mesh_patterns.importers.istio.source import Source, World
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Object, of_kind
from mesh_yaml.node import Node


def services(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> None:
    """The services that ServiceEntries add to those of Kubernetes, and calls that are known."""
    world = _world(objects, catalog, notes)
    for source in _sources(objects, "ServiceEntry", world):
        notes.guard(service_entries.read, source)
    sidecars.give(notes.each(sidecars.read, _sources(objects, "Sidecar", world)), world)


def patterns(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Node]:
    """What Istio's objects do.

    Who knows whom comes first, then subsets: they name versions. Who may call whom comes late, when
    everybody is known, and whether callers have certificates last: other policies take them for
    granted.
    """
    world = _world(objects, catalog, notes)
    sidecars.take(notes.each(sidecars.read, _sources(objects, "Sidecar", world)), world)
    sidecars.tell_outbound(world.config.egress, notes, "MeshConfig")
    destinations = notes.each(destination_rules.read, _sources(objects, "DestinationRule", world))
    known = {
        (g.object.namespace, g.object.name): g
        for g in notes.each(gateways.read, _sources(objects, "Gateway", world))
    }
    sources = _sources(objects, "VirtualService", world)
    notes.guard(virtual_services.learn, sources)
    for source in sources:
        notes.guard(virtual_services.check, source)
    made = notes.collected(virtual_services.on_the_mesh(sources))
    made += notes.collected(virtual_services.at_the_ingress(sources, known))
    made += notes.collected(egress.patterns(sources, known))
    made += notes.collected(streams.patterns(sources, known))
    guards = notes.each(
        authorization_policies.read, _sources(objects, "AuthorizationPolicy", world)
    )
    made += traffic_policies.patterns(destinations, world)
    made += envoy_filters.patterns(_sources(objects, "EnvoyFilter", world))
    made += wasm_plugins.patterns(_sources(objects, "WasmPlugin", world))
    told = notes.each(telemetries.read, _sources(objects, "Telemetry", world))
    made += notes.collected(telemetries.patterns(told, world))
    tokens = notes.each(
        request_authentications.read, _sources(objects, "RequestAuthentication", world)
    )
    made += notes.collected(request_authentications.patterns(tokens, world))
    access = notes.guard(authorization_policies.patterns, guards, world) or []
    peers = notes.each(peer_authentications.read, _sources(objects, "PeerAuthentication", world))
    return [*made, *peer_authentications.patterns(peers, world), *access]


def _world(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> World:
    config = notes.guard(mesh_configs.read, objects, notes)
    return World(catalog, notes, config=config or mesh_configs.MeshConfig())


def _sources(objects: Sequence[Object], kind: str, world: World) -> list[Source]:
    return [Source(each, world) for each in of_kind(objects, kind)]
