"""VirtualService: rules for the callers of a service, and rules for what is at the ingress.

For the sidecars the rules go on all edges into the host. At the ingress the rules belong to a host
name, not to a service: the service that the rule for all requests goes to, or else the first rule,
carries them, and they may lead to others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mesh_patterns.importers import parts
from mesh_patterns.importers.catalog import Entry, Part
from mesh_patterns.importers.fields import text
from mesh_patterns.importers.hostnames import overlap
from mesh_patterns.importers.istio import delegates, gateways
from mesh_patterns.importers.istio.gateways import Gateway, Key
from mesh_patterns.importers.istio.matches import Bound
from mesh_patterns.importers.istio.rules import rules
from mesh_patterns.importers.istio.source import MESH, Source
from mesh_patterns.importers.notes import listed
from mesh_patterns.importers.objects import texts
from mesh_patterns.importers.tables import Table, carried, pattern
from mesh_patterns.model import CLIENT
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_KNOWN = frozenset({"hosts", "gateways", "http", "tcp", "tls", "exportTo"})


def learn(sources: Sequence[Source]) -> None:
    """Learn which VirtualServices others delegate to: such have no hosts."""
    bare = {(s.object.namespace, s.object.name): s for s in sources if not s.list("hosts")}
    for source in sources:
        for rule in source.list("http") if bare else ():
            delegate = rule.get("delegate")
            if delegate is not None:
                namespace = text(delegate, "namespace") or source.object.namespace
                key = namespace, text(delegate, "name")
                if key in bare:
                    source.world.delegates[key] = bare[key]


def check(source: Source) -> None:
    """Tell what is not taken of a VirtualService.

    Raises:
        DocumentError: it has no hosts, and nobody delegates to it.
    """
    key = source.object.namespace, source.object.name
    if not source.list("hosts") and key not in source.world.delegates:
        raise DocumentError.at(source.object.place, f"{source.owner} has no 'hosts'")
    source.notes.leftovers(source.object.spec, _KNOWN, source.owner)
    for scope in source.list("exportTo"):
        if scope.value != "*":
            source.approximate("exportTo: seen everywhere", scope)


def on_the_mesh(sources: Sequence[Source]) -> Iterator[Node]:
    """The patterns for the callers of services, one for each service."""
    taken: dict[str, Source] = {}
    for source in sources:
        if not gateways.bound(source)[1] or not source.list("hosts"):
            continue
        made = rules(Bound(_means_the_mesh), source)
        apart = asks_for_callers(source)
        for host in source.list("hosts") if made or apart else ():
            if "*" in host.text():
                source.skip("a host with a wildcard, for the sidecars", host)
                continue
            entry = source.service(host)
            part = source.world.catalog.part(host.text(), source.object.namespace)
            key = part.hosts[0] if part is not None else entry.name
            first = taken.get(key)
            if first is None:
                taken[key] = source
                everybody = {MESH: made} if not apart else _by_caller(entry, source)
                for caller, own in everybody.items():
                    yield _pattern(caller, entry, part, own, host)
            elif first is not source:
                message = f"{first.object} (at {first.object.place}) has rules for"
                source.notes.warn(host.place, f"{message} {entry.name!r}: these are left out")


def _pattern(
    caller: str, entry: Entry, part: Part | None, made: Sequence[Node], host: Node
) -> Node:
    if part is not None:
        return parts.pattern(caller, part, made, host)
    return pattern(f"{caller} -> {entry.name}", made, host)


def _by_caller(entry: Entry, source: Source) -> dict[str, Sequence[Node]]:
    """The rules of each caller, where some are for callers with certain labels. The client has
    none.
    """
    found: dict[str, Sequence[Node]] = {}
    for caller in source.world.catalog.entries.values():
        if entry.name in caller.calls:
            labels = [each for of in caller.variants.values() for each in of.labels]
            found[caller.name] = _until_all(rules(Bound(_means_the_mesh, labels), source))
    _tell_nobody(entry, source)
    return {**found, CLIENT: _until_all(rules(Bound(_means_the_mesh), source))}


def _tell_nobody(entry: Entry, source: Source) -> None:
    """Labels that no caller's workloads have."""
    entries = source.world.catalog.entries.values()
    calling = [each for caller in entries if entry.name in caller.calls
               for variant in caller.variants.values() for each in variant.labels]  # fmt: skip
    for labels in asked_labels(source):
        if not any(texts(labels).items() <= each.items() for each in calling):
            source.skip("a match by sourceLabels, so that match is left out", labels)


def _until_all(made: Sequence[Node]) -> Sequence[Node]:
    """The rules up to the first that is for all requests: nothing gets past it."""
    last = next((n for n, rule in enumerate(made, 1) if not _has_match(rule)), len(made))
    return made[:last]


def _has_match(rule: Node) -> bool:
    match = rule.get("match")
    return match is not None and bool(match.value)


def asks_for_callers(source: Source) -> bool:
    """Whether some rules are for callers with certain labels."""
    return any(True for _ in asked_labels(source))


def asked_labels(source: Source) -> Iterator[Node]:
    """All ``sourceLabels`` of its rules."""
    for rule, _ in delegates.rules(source, source.world.delegates):
        match = rule.get("match")
        for each in match.elements() if match is not None else ():
            labels = each.get("sourceLabels")
            if labels is not None and labels.value:
                yield labels


def _means_the_mesh(given: Node) -> bool:
    return any(node.text() == MESH for node in given.elements())


@dataclass(frozen=True, slots=True)
class _Hosted:
    """A VirtualService under one host of the ingress."""

    source: Source
    host: Node


def at_the_ingress(sources: Sequence[Source], known: Mapping[Key, Gateway]) -> Iterator[Node]:
    """The patterns for what the ingress does, and ``ingress`` for those who are there."""
    by_host: dict[str, list[_Hosted]] = {}
    for source in sources:
        named = gateways.ingress(source, known)
        for host in source.list("hosts") if named and source.list("http") else ():
            for name in _hosts(source, host, named, known):
                by_host.setdefault(name, []).append(_Hosted(source, host))
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, found in by_host.items():
        groups.setdefault(tuple(each.source.owner for each in found), []).append(name)
    made = [_table(names, by_host[names[0]], known) for names in groups.values()]
    if sources:
        world = sources[0].world
        yield from carried(made, world.catalog, world.notes)


def _table(names: Sequence[str], found: Sequence[_Hosted], known: Mapping[Key, Gateway]) -> Table:
    first = found[0]
    tls = [_tls(name, found, known) for name in names]
    if any(tls) and not all(tls):
        message = f"{listed(names)} are served with TLS and without: here without"
        first.source.notes.warn(first.host.place, message)
    secure = tls[0] if all(tls) else None
    return Table(tuple(names), tuple(_rules(found)), first.host, first.source.owner, secure)


def _tls(name: str, found: Iterable[_Hosted], known: Mapping[Key, Gateway]) -> Node | None:
    """How a name is served with TLS, as the gateways of its VirtualServices say."""
    for each in found:
        for node in gateways.bound(each.source)[0]:
            gateway = known.get(gateways.key(node.text(), each.source.object.namespace))
            secure = gateway.tls(name) if gateway is not None else None
            if secure is not None:
                return secure
    return None


def _hosts(
    source: Source, host: Node, named: Iterable[Node], known: Mapping[Key, Gateway]
) -> Iterable[str]:
    """The names under which a VirtualService's host is reached through its gateways."""
    found: dict[str, None] = {}
    offered: dict[str, None] = {}
    for node in named:
        gateway = known.get(gateways.key(node.text(), source.object.namespace))
        hosts = gateway.hosts if gateway else ("*",)
        if gateway is None:
            message = (
                f"Gateway {node.text()!r} is not in the given files: taken for one of any host"
            )
            source.notes.warn(node.place, message)
        offered |= dict.fromkeys(hosts)
        found |= dict.fromkeys(overlap(host.text(), hosts))
    if not found:
        theirs = listed(offered) or "it has none for HTTP"
        message = f"host {host.text()!r} is none of its Gateway's ({theirs})"
        source.notes.warn(host.place, f"{message}: nothing reaches {source.owner} there")
    return found


def _rules(found: Iterable[_Hosted]) -> list[Node]:
    """The rules of all VirtualServices of a host; those for all requests come last."""
    made: list[Node] = []
    for each in found:
        named = {
            gateways.key(node.text(), each.source.object.namespace)
            for node in gateways.bound(each.source)[0]
        }
        made += rules(Bound(partial(_means, each.source, named)), each.source)
    return sorted(made, key=lambda rule: rule.get("match") is None)


def _means(source: Source, named: set[Key], given: Node) -> bool:
    keys = {gateways.key(node.text(), source.object.namespace) for node in given.elements()}
    return bool(keys & named)
