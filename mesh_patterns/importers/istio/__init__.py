"""Istio's objects as patterns of ours.

https://istio.io/latest/docs/reference/config/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

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

T = TypeVar("T")


def services(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> None:
    """The services that ServiceEntries add to those of Kubernetes, and calls that are known."""
    world = _world(objects, catalog, notes)
    for source in _sources(objects, "ServiceEntry", world):
        notes.guard(service_entries.read, source)
    sidecars.give(_each(objects, "Sidecar", world, sidecars.read), world)


def patterns(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Node]:
    """What Istio's objects do.

    Who knows whom comes first, then subsets: they name versions. Who may call whom comes late, when
    everybody is known, and whether callers have certificates last: other policies take them for
    granted.
    """
    world = _world(objects, catalog, notes)
    sidecars.take(_each(objects, "Sidecar", world, sidecars.read), world)
    sidecars.tell_outbound(world.config.egress, notes, "MeshConfig")
    destinations = _each(objects, "DestinationRule", world, destination_rules.read)
    known = {
        (g.object.namespace, g.object.name): g
        for g in _each(objects, "Gateway", world, gateways.read)
    }
    sources = _sources(objects, "VirtualService", world)
    notes.guard(virtual_services.learn, sources)
    for source in sources:
        notes.guard(virtual_services.check, source)
    made = notes.guard(list, virtual_services.on_the_mesh(sources)) or []
    made += notes.guard(list, virtual_services.at_the_ingress(sources, known)) or []
    made += notes.guard(list, egress.patterns(sources, known)) or []
    made += notes.guard(list, streams.patterns(sources, known)) or []
    guards = _each(objects, "AuthorizationPolicy", world, authorization_policies.read)
    made += traffic_policies.patterns(destinations, world)
    made += envoy_filters.patterns(_sources(objects, "EnvoyFilter", world))
    made += wasm_plugins.patterns(_sources(objects, "WasmPlugin", world))
    told = _each(objects, "Telemetry", world, telemetries.read)
    made += notes.guard(list, telemetries.patterns(told, world)) or []
    tokens = _each(objects, "RequestAuthentication", world, request_authentications.read)
    made += notes.guard(list, request_authentications.patterns(tokens, world)) or []
    access = notes.guard(authorization_policies.patterns, guards, world) or []
    peers = _each(objects, "PeerAuthentication", world, peer_authentications.read)
    return [*made, *peer_authentications.patterns(peers, world), *access]


def _world(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> World:
    config = notes.guard(mesh_configs.read, objects, notes)
    return World(catalog, notes, config=config or mesh_configs.MeshConfig())


def _sources(objects: Sequence[Object], kind: str, world: World) -> list[Source]:
    return [Source(each, world) for each in of_kind(objects, kind)]


def _each(
    objects: Sequence[Object], kind: str, world: World, read: Callable[[Source], T | None]
) -> list[T]:
    """What is read of all objects of a kind; what is wrong with one is noted."""
    found = (world.notes.guard(read, source) for source in _sources(objects, kind, world))
    return [each for each in found if each is not None]
