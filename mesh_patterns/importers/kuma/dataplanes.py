"""Dataplane: proxies, whose inbounds are the services that they stand before, and whose outbounds
are those that they call.

https://kuma.io/docs/latest/production/dp-config/dpp-on-universal/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.kubernetes import MAX_REPLICAS, VERSION
from mesh_patterns.importers.kuma import names
from mesh_patterns.importers.kuma.world import PROTOCOL_TAG, SERVICE_TAG, Source, World
from mesh_patterns.importers.objects import texts
from mesh_yaml.node import Node

_KNOWN = (
    "address", "advertisedAddress", "inbound", "outbound", "gateway", "transparentProxying",
    "admin", "ingress",
)  # fmt: skip
_OWN = "kuma.io/"
PROTOCOLS = {"http": "http", "http2": "http", "grpc": "grpc", "tcp": "tcp", "kafka": "tcp"}


@dataclass(frozen=True, slots=True)
class _Host:
    """One inbound: of whose proxy, of which service, with which tags."""

    source: Source
    service: Node
    tags: Mapping[str, str]

    @property
    def own(self) -> tuple[tuple[str, str], ...]:
        """What tells it from others of the service."""
        pairs = ((k, v) for k, v in self.tags.items() if not k.startswith(_OWN))
        return tuple(sorted(pairs))


def services(sources: Sequence[Source], world: World) -> None:
    """The services of all proxies."""
    hosts: dict[str, list[_Host]] = {}
    for source in sources:
        for host in world.notes.collected(_hosts(source)):
            hosts.setdefault(host.service.text(), []).append(host)
    for found in hosts.values():
        world.notes.guard(_service, found, world)
    world.notes.guard(known, sources, world)


def _hosts(source: Source) -> Iterator[_Host]:
    networking = needed(source.object.spec, "networking", source.owner)
    known = ("networking", "metrics", "probes")
    source.notes.leftovers(source.object.spec, known, source.owner)
    source.notes.leftovers(networking, _KNOWN, source.owner, "networking.")
    gateway = networking.get("gateway")
    if gateway is not None and gateway.value:
        tags = needed(gateway, "tags", "a gateway")
        name = needed(tags, SERVICE_TAG, "the tags of a gateway")
        if text(gateway, "type", "DELEGATED") == "BUILTIN":
            return
        yield _Host(source, name, {PROTOCOL_TAG: "http", **source.object.labels, **texts(tags)})
    for node in elements(networking, "inbound"):
        tags = needed(node, "tags", "an inbound")
        name = needed(tags, SERVICE_TAG, "the tags of an inbound")
        if text(node, "state") != "Ignored":
            yield _Host(source, name, {**source.object.labels, **texts(tags)})


def _service(hosts: Sequence[_Host], world: World) -> None:
    first = hosts[0]
    name, catalog = first.service.text(), world.catalog
    taken = catalog.entries.get(name)
    if taken is not None and taken.own:
        message = f"{first.source.owner} is left aside: {name!r} is described at {taken.place}"
        world.notes.warn(first.service.place, message)
        _remember(hosts, taken, world)
        return
    entry = catalog.add(name, first.source.object.namespace, first.service.place)
    entry.hosts = [f"{name}.mesh"]
    entry.protocol = protocol(first.tags.get(PROTOCOL_TAG, "tcp"), first.service, first.source)
    _remember(hosts, entry, world)
    groups: dict[tuple[tuple[str, str], ...], list[_Host]] = {}
    for host in hosts:
        groups.setdefault(host.own, []).append(host)
    for group in groups.values():
        _version(entry, group, named=len(groups) > 1)


def _remember(hosts: Sequence[_Host], entry: Entry, world: World) -> None:
    for host in hosts:
        found = world.catalog.of.setdefault(host.source.object.ref, [])
        if entry not in found:
            found.append(entry)


def _version(entry: Entry, hosts: Sequence[_Host], named: bool) -> None:
    first = hosts[0]
    version = first.tags.get(VERSION, "")
    if named and (not version or version in entry.variants):
        version = first.source.object.name
    variant = entry.variant(version, first.service.place)
    variant.labels.append(dict(first.tags))
    variant.workloads.append(first.source.object.name)
    entry.members |= {host.source.object.ref for host in hosts}
    count = min(len(hosts), MAX_REPLICAS)
    if len(hosts) > count:
        cut = f"{MAX_REPLICAS} replicas run, no more"
        first.source.approximate(cut, first.service)
    if count > 1:
        variant.replicas = Node(count, first.service.place)


def protocol(given: str, node: Node, source: Source) -> str:
    """What is spoken, in our words; of others it is bytes."""
    found = PROTOCOLS.get(given.lower())
    if found is None or given.lower() == "kafka":
        source.approximate(f"protocol {given} is taken as plain TCP", node)
    return found or "tcp"


def known(sources: Sequence[Source], world: World) -> None:
    """The services of each proxy, once all are in the catalog, and which proxies are gateways."""
    for source in sources:
        world.proxies[source.object.name] = world.catalog.of.get(source.object.ref, [])
        gateway = source.object.spec.find("networking").get("gateway")
        tags = texts(gateway.get("tags")) if gateway is not None else {}
        if gateway is not None and text(gateway, "type") == "BUILTIN" and SERVICE_TAG in tags:
            world.gateways[tags[SERVICE_TAG]] = tags


def calls(sources: Sequence[Source], world: World) -> None:
    """Who calls whom, as outbounds and reachable services say."""
    for source in sources:
        entries = world.proxies.get(source.object.name, ())
        callees = world.notes.collected(_called(source))
        for entry in entries:
            for callee in callees:
                if callee is not entry and not entry.own:
                    entry.calls.setdefault(callee.name)


def _called(source: Source) -> Iterator[Entry]:
    networking = source.object.spec.get("networking") or Node(None, source.object.place)
    for node in elements(networking, "outbound"):
        ref = node.get("backendRef")
        if ref is not None:
            yield names.service(*names.named(ref, source), source)
            continue
        tags = node.get("tags") or Node(None, node.place)
        name = tags.get(SERVICE_TAG) or needed(node, "service", "an outbound")
        yield names.service(name, source.object.namespace, source)
    proxying = networking.get("transparentProxying") or Node(None, networking.place)
    for node in (
        *elements(proxying, "reachableServices"), *elements(proxying, "directAccessServices")
    ):  # fmt: skip
        if node.text() != "*":
            yield names.service(node, source.object.namespace, source)
    reachable = proxying.get("reachableBackends") or Node(None, proxying.place)
    for node in elements(reachable, "refs"):
        yield names.service(*names.named(node, source), source)
