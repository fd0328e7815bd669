"""MeshService, and what is outside of the mesh: MeshExternalService and ExternalService.

https://kuma.io/docs/latest/networking/meshservice/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from mesh_patterns.external import address
from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, needed, text, whole_number
from mesh_patterns.importers.kuma.dataplanes import protocol
from mesh_patterns.importers.kuma.world import PROTOCOL_TAG, SERVICE_TAG, Source
from mesh_patterns.importers.notes import listed
from mesh_patterns.importers.objects import texts
from mesh_patterns.importers.outside import Outside, Port
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
_UNVERIFIED = ("SkipAll", "SkipCA")


def meant(sources: Iterable[Source]) -> None:
    """MeshServices: names for services that are there, for some of their versions, or new ones."""
    for source in sources:
        source.notes.guard(_mesh_service, source)


def _mesh_service(source: Source) -> None:
    spec, own, catalog = source.object.spec, source.object, source.world.catalog
    known = ("selector", "ports", "state", "identities")
    source.notes.leftovers(spec, known, source.owner)
    chosen = _selected(source)
    host = f"{own.name}.svc.mesh.local"
    if not chosen:
        entry = catalog.lookup(own.name, own.namespace) or _new(source)
    elif len(chosen) > 1:
        message = f"{source.owner} is for {listed(chosen)}: it means the first of them"
        source.notes.warn(own.place, message)
        entry = catalog.entries[next(iter(chosen))]
    else:
        (name, versions) = next(iter(chosen.items()))
        entry = catalog.entries[name]
        if len(versions) < len(entry.variants):
            catalog.add_part(entry, versions, own)
            return
    catalog.of[own.ref] = [entry]
    if entry.own:
        return
    if entry.name != own.name:
        catalog.alias(entry, own.name, own.namespace)
    if host not in entry.hosts and own.labels.get("k8s.kuma.io/namespace") is None:
        entry.hosts.append(host)


def _selected(source: Source) -> dict[str, list[str]]:
    """The versions that its selector is about, by service."""
    selector = source.object.spec.get("selector") or Node(None, source.object.place)
    wanted = selector.get("dataplane") or Node(None, selector.place)
    tags = texts(selector.get("dataplaneTags") or wanted.get("matchLabels"))
    ref = selector.get("dataplaneRef")
    if ref is not None and ref.value:
        its_own = source.world.proxies.get(text(ref, "name"), ())
        return {entry.name: [*entry.variants] for entry in its_own}
    found: dict[str, list[str]] = {}
    first = next(iter(tags.items()), ("", ""))
    for entry, variant in source.world.labelled.get(first, ()):
        if any(tags.items() <= own.items() for own in variant.labels):
            found.setdefault(entry.name, []).append(variant.name)
    return found


def _new(source: Source) -> Entry:
    """A service that no proxy is known of."""
    own = source.object
    entry = source.world.catalog.add(own.name, own.namespace, own.place)
    ports = source.list("ports")
    if ports:
        given = text(ports[0], "appProtocol", "tcp")
        entry.protocol = protocol(given, ports[0], source)
    if len(ports) > 1:
        source.skip("a second port", ports[1])
    source.notes.warn(own.place, f"{source.owner} selects no proxy here: the echo stands in")
    return entry


def outside(sources: Sequence[Source]) -> None:
    """Services of the world outside."""
    for source in sources:
        new = source.object.kind == "MeshExternalService"
        source.notes.guard(_mesh_external if new else _external, source)


def _mesh_external(source: Source) -> None:
    spec, own = source.object.spec, source.object
    source.notes.leftovers(spec, ("match", "endpoints", "tls"), source.owner)
    match = needed(spec, "match", source.owner)
    hosts = [needed(each, "address", "an endpoint") for each in source.list("endpoints")]
    at = [_number(needed(each, "port", "an endpoint")) for each in source.list("endpoints")]
    known = Port(
        _number(needed(match, "port", "a match")),
        text(match, "protocol", "tcp").upper(),
        at=tuple(at),
    )
    tls = _tls(spec.get("tls"), _verified(spec.get("tls"), source))
    found = Outside(hosts, [known], known, own.place, tls)
    _add(source, [own.name, f"{own.name}.extsvc.mesh.local"], found)


def _number(node: Node) -> int:
    return whole_number(node, "a port is a whole number")


def _external(source: Source) -> None:
    spec = source.object.spec
    source.notes.leftovers(spec, ("tags", "networking"), source.owner)
    tags = needed(spec, "tags", source.owner)
    name = needed(tags, SERVICE_TAG, "the tags of an ExternalService")
    networking = needed(spec, "networking", source.owner)
    host, port = _address(needed(networking, "address", source.owner))
    taken = source.world.catalog.entries.get(name.text())
    if taken is not None and taken.outside is not None:
        before = taken.outside.port
        taken.outside.port = replace(before, at=(*before.at, port))
        taken.outside.hosts = [*taken.outside.hosts, host]
        return
    tls = networking.get("tls") or Node(None, networking.place)
    known = ("enabled", "serverName", "allowRenegotiation")
    source.notes.leftovers(tls, known, source.owner, "networking.tls.")
    sni = tls.get("serverName")
    one = Port(port, text(tags, PROTOCOL_TAG, "tcp").upper(), at=(port,))
    secure = _tls(tls, {"sni": sni} if sni is not None and sni.value else {})
    found = Outside([host], [one], one, source.object.place, secure)
    _add(source, [name.text(), f"{name.text()}.mesh"], found)


def _address(node: Node) -> tuple[Node, int]:
    """``HOST:PORT``."""
    try:
        found = address(node.text())
    except ValueError as error:
        raise DocumentError.at(node.place, str(error)) from error
    return Node(found.host, node.place), found.port


def _tls(tls: Node | None, verified: Made) -> Node | None:
    """TLS that starts at callers, if it does."""
    enabled = tls.get("enabled") if tls is not None else None
    if tls is None or enabled is None or enabled.value is not True:
        return None
    return Node.of(verified or True, tls.place)


def _verified(tls: Node | None, source: Source) -> Made:
    """Whose certificate is wanted."""
    if tls is None or tls.value is None:
        return {}
    known = ("enabled", "verification", "allowRenegotiation")
    source.notes.leftovers(tls, known, source.owner, "tls.")
    asked = tls.get("verification") or Node(None, tls.place)
    of = ("mode", "serverName", "subjectAltNames")
    source.notes.leftovers(asked, of, source.owner, "tls.verification.")
    made: Made = {}
    if (sni := asked.get("serverName")) is not None and sni.value:
        made["sni"] = sni
    names = [needed(each, "value", "a name") for each in elements(asked, "subjectAltNames")]
    if names:
        made["names"] = names
    if text(asked, "mode", "Secured") in _UNVERIFIED:
        made["verify"] = False
    return made


def _add(source: Source, names: Sequence[str], found: Outside) -> None:
    own = source.object
    taken = source.world.catalog.lookup(names[0], own.namespace)
    if taken is not None:
        message = f"{source.owner} is left aside: {taken.name!r} is described at {taken.place}"
        source.notes.warn(own.place, message)
        return
    entry = source.world.catalog.outside(names, own.namespace, own.place)
    entry.protocol = found.protocol
    if found.hosts:
        entry.outside, entry.port = found, found.port.number
    else:
        source.notes.warn(own.place, f"{source.owner} has no endpoints: the echo stands in")
    source.world.catalog.of[own.ref] = [entry]
