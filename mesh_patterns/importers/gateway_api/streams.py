"""TCPRoute and TLSRoute: whom connections lead to.

A gateway's TCP port leads to one service here, on a free port of its own; TLS that passes through
is told apart by SNI.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesh_patterns.importers.catalog import Catalog, Entry
from mesh_patterns.importers.connections import Tell, Weights, led
from mesh_patterns.importers.gateway_api import backends
from mesh_patterns.importers.gateway_api.mesh import callees
from mesh_patterns.importers.gateway_api.parents import Attached, Known, listeners
from mesh_patterns.importers.gateway_api.routes import Route
from mesh_patterns.importers.notes import Notes
from mesh_yaml.node import Node
from mesh_yaml.place import Place

PROTOCOLS = {"TCPRoute": "tcp", "TLSRoute": "tls"}


def patterns(
    routes: Iterable[Route], known: Known, catalog: Catalog, notes: Notes
) -> Iterator[Node]:
    """What routes do with connections, at gateways and for callers of Services."""
    ordered = sorted(routes, key=lambda route: route.age)
    taken: dict[str, Route] = {}
    for route in ordered:
        yield from notes.collected(_at_gateways(route, known, taken))
    for callee in callees(ordered, catalog):
        for namespace, bound in callee.bound.items():
            route = bound[0].route
            to = notes.guard(_to, route, callee.entry) or {}
            for caller in callee.callers(namespace, catalog) if to else ():
                yield from led(caller, callee.entry, to, *_told(route))


def _at_gateways(route: Route, known: Known, taken: dict[str, Route]) -> Iterator[Node]:
    attached = [each for each in listeners(route, known) if _passes(each)]
    to = _to(route, None) if attached else {}
    if not to:
        return
    entry = route.source.world.catalog.entries[next(iter(to)).partition("/")[0]]
    first = taken.setdefault(entry.name, route)
    if first is not route:
        message = f"{first.source.owner} leads to {entry.name!r} already: this one is left out"
        route.source.notes.warn(route.source.object.place, message)
        return
    for each in attached if not entry.own else ():
        host = each.host if route.kind == "TLSRoute" else "*"
        entry.ingress.setdefault(host, Node(host, route.source.object.place))
    yield from led("ingress", entry, to, *_told(route))


def _passes(attached: Attached) -> bool:
    """Whether connections go through as they are."""
    if attached.listener.terminates:
        source = attached.route.source
        source.skip("TLS that ends at a gateway, so that route is left out", attached.listener.node)
    return not attached.listener.terminates


def _to(route: Route, root: Entry | None) -> Weights:
    """Weights of its one rule's backends, which speak what the route is for."""
    rules = route.source.list("rules")
    if not rules:
        return {}
    if len(rules) > 1:
        route.source.skip("another rule than the first", rules[1])
    known = ("name", "backendRefs")
    route.source.notes.leftovers(rules[0], known, route.source.owner, "rules.")
    led = backends.read(rules[0], route, root)
    for name in led.to:
        entry = route.source.world.catalog.entries[name.partition("/")[0]]
        if not entry.own:
            entry.protocol = PROTOCOLS[route.kind]
    return {name: weight for name, weight in led.to.items() if weight.value}


def _told(route: Route) -> tuple[Place, Tell]:
    return route.source.object.place, route.source.approximate
