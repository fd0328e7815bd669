"""TrafficTarget: who may call whom, and what of it. All else is denied.

It is for service accounts, so their callers have to be known: mutual TLS comes with it. The ingress
and the client have no account, and so they are denied too.
https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-access
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import needed, text
from mesh_patterns.importers.smi import groups, identities
from mesh_patterns.importers.smi.world import Source, World
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

Made = dict[str, Any]
_KNOWN = ("destination", "sources", "rules", "specs")
DENIED = (
    "who is not named by a TrafficTarget is denied, the ingress and the client, which have no "
    "service account, among them"
)


def patterns(sources: Sequence[Source], world: World) -> Iterator[Node]:
    """Mutual TLS, and an authorization for each destination and for those that nobody names."""
    if not sources:
        return
    allowed: dict[str, list[Node]] = {}
    for source in sources:
        for name, rules in world.notes.guard(_read, source) or ():
            allowed.setdefault(name, []).extend(rules)
    world.notes.approximate(DENIED, sources[0].object.place, sources[0].owner)
    place = sources[0].object.place
    named = dict.fromkeys([*(n.partition("/")[0] for n in allowed), *_silent(world)])
    for service in named:
        made = {"pattern": "mtls", "on": service, "mode": "strict"}
        yield Node.of(made, place)
    for service in named:
        yield from _guards(world.catalog.entries[service], allowed, place)


def _silent(world: World) -> Iterator[str]:
    """Services of workloads that the files have."""
    entries = world.catalog.entries.values()
    return (each.name for each in entries if each.members and not each.own)


def _guards(entry: Entry, allowed: dict[str, list[Node]], place: Place) -> Iterator[Node]:
    """For a whole service, or for each version for itself where one has rules of its own."""
    whole = allowed.get(entry.name, [])
    versions = [entry.target(each) for each in entry.variants.values()]
    apart = [name for name in versions if name in allowed and name != entry.name]
    for name in versions if apart else [entry.name]:
        rules = whole + (allowed.get(name, []) if apart else [])
        at = rules[0].place if rules else place
        yield Node.of({"pattern": "authorization", "on": name, "allow": rules}, at)


def _read(source: Source) -> Iterable[tuple[str, list[Node]]]:
    """What one target lets in, by destination."""
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    destination = needed(spec, "destination", source.owner)
    if destination.get("port") is not None:
        source.approximate("destination.port: a service has one port", destination)
    goals = identities.workloads(destination, source)
    callers = dict.fromkeys(
        name.partition("/")[0]
        for node in source.list("sources")
        for name in identities.workloads(node, source)
    )
    if not source.list("sources"):
        raise DocumentError.at(source.object.place, f"{source.owner} has no 'sources'")
    rules = [
        Node.of({"from": [*callers], **access}, source.object.place)
        for access in _accesses(source)
        if callers
    ]
    return [(goal, rules) for goal in goals]


def _accesses(source: Source) -> Iterator[Made]:
    """What is allowed: of several rules one is enough, of TCP alone all requests."""
    nodes = (*source.list("rules"), *source.list("specs"))
    routes = [node for node in nodes if text(node, "kind") == "HTTPRouteGroup"]
    for node in nodes:
        kind = text(node, "kind")
        if kind == "UDPRoute":
            source.skip("UDPRoute: the mesh carries no UDP", node)
        elif kind == "TCPRoute":
            _check_stream(node, source)
        elif kind != "HTTPRouteGroup":
            raise DocumentError.at(node.place, f"unknown kind {kind!r} of a rule")
    for node in routes:
        yield from _of_group(node, source)
    if not routes and (not nodes or any(text(node, "kind") == "TCPRoute" for node in nodes)):
        yield {}


def _check_stream(node: Node, source: Source) -> None:
    name = needed(node, "name", "a rule")
    if (source.object.namespace, name.text()) not in source.world.streams:
        source.notes.warn(name.place, f"no file has the TCPRoute {name.text()!r}: taken as it is")


def _of_group(node: Node, source: Source) -> Iterator[Made]:
    name = needed(node, "name", "a rule")
    group = source.world.groups.get((source.object.namespace, name.text()))
    if group is None:
        message = f"no file has the HTTPRouteGroup {name.text()!r}: it lets nothing in"
        source.notes.warn(name.place, message)
        return
    wanted = node.get("matches")
    chosen = wanted.elements() if wanted is not None and wanted.value is not None else None
    for each in chosen or ():
        if each.text() not in group:
            message = f"HTTPRouteGroup {name.text()!r} has no match {each.text()!r}"
            raise DocumentError.at(each.place, message)
    names = [each.text() for each in chosen] if chosen else list(group)
    yield from (groups.as_access(dict(made)) for key in names for made in group[key])
