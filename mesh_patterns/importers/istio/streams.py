"""``tcp`` and ``tls`` of a VirtualService: whom connections lead to, TLS by the name asked for.

There is one port to a service, so what is said of ports holds for it. A port of a Gateway that is
for TCP is a free port of its own here.
https://istio.io/latest/docs/reference/config/networking/virtual-service/#TCPRoute
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.connections import Weights, led
from mesh_patterns.importers.fields import elements
from mesh_patterns.importers.hostnames import overlap
from mesh_patterns.importers.istio import gateways
from mesh_patterns.importers.istio.destinations import weights
from mesh_patterns.importers.istio.gateways import Gateway, Key
from mesh_patterns.importers.istio.source import MESH, Source
from mesh_patterns.model import INGRESS
from mesh_yaml.node import Node

KINDS = ("tcp", "tls")
_MATCHED = {"tcp": ("port", "gateways"), "tls": ("port", "gateways", "sniHosts")}


def patterns(sources: Sequence[Source], known: Mapping[Key, Gateway]) -> Iterator[Node]:
    """What all VirtualServices do with connections; of two for one service the first counts."""
    taken: dict[tuple[str, str], Node] = {}
    for source in sources:
        for kind in KINDS:
            for rule in source.list(kind):
                source.notes.leftovers(rule, ("match", "route"), source.owner, f"{kind}.")
                yield from source.notes.collected(_rule(rule, kind, source, known, taken))


def _rule(
    rule: Node,
    kind: str,
    source: Source,
    known: Mapping[Key, Gateway],
    taken: dict[tuple[str, str], Node],
) -> Iterator[Node]:
    given, mesh = _bound(rule, kind, source)
    names = [node for node in given if node not in gateways.egress(source, known)]
    found = weights(elements(rule, "route"), source)
    to = {name: node for name, node in found.items() if node.value}
    if not to or not (names or mesh):
        return
    entry = source.world.catalog.entries[next(iter(to)).partition("/")[0]]
    for caller in (*([INGRESS] if names else ()), *([MESH] if mesh else ())):
        first = taken.setdefault((caller, entry.name), rule)
        if first is not rule:
            message = f"{entry.name!r} has a rule for connections at {first.place}: this one is"
            source.notes.warn(rule.place, f"{message} left out")
            continue
        _speaks(to, kind, source)
        if caller == INGRESS:
            _offer(entry, _hosts(rule, kind, source, names, known))
        yield from led(caller, entry, to, rule.place, source.approximate)


def _bound(rule: Node, kind: str, source: Source) -> tuple[list[Node], bool]:
    """The gateways that a rule is for, and whether it is for the mesh."""
    matches = elements(rule, "match")
    for match in matches:
        source.notes.leftovers(match, _MATCHED[kind], source.owner, f"{kind}.match.")
    given = [node for match in matches for node in elements(match, "gateways")]
    if not given:
        return gateways.bound(source)
    named = [node for node in given if node.text() != MESH]
    return named, len(named) < len(given)


def _speaks(to: Weights, kind: str, source: Source) -> None:
    """What a rule for connections leads to takes no requests."""
    for name in to:
        entry = source.world.catalog.entries[name.partition("/")[0]]
        if not entry.own and entry.outside is None:
            entry.protocol = kind


def _hosts(
    rule: Node, kind: str, source: Source, names: Sequence[Node], known: Mapping[Key, Gateway]
) -> list[Node]:
    """The names by which TLS is asked for at the gateways; any for TCP."""
    if kind == "tcp":
        return [Node("*", rule.place)]
    asked = [node for match in elements(rule, "match") for node in elements(match, "sniHosts")]
    offered: list[str] = []
    for node in names:
        gateway = known.get(gateways.key(node.text(), source.object.namespace))
        offered += gateway.passed if gateway is not None else ("*",)
    found = [Node(name, node.place) for node in asked for name in overlap(node.text(), offered)]
    if not found:
        source.notes.warn(rule.place, "no gateway passes TLS for these sniHosts on")
    return found


def _offer(entry: Entry, hosts: Sequence[Node]) -> None:
    for host in hosts if not entry.own else ():
        entry.ingress.setdefault(host.text(), host)
