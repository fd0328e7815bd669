"""Routes at Services: what callers inside the mesh do.

A route in the namespace of the Service is its producer's and for all callers. One in another
namespace is for callers in that namespace alone, and there it stands instead of the producer's.
https://gateway-api.sigs.k8s.io/geps/gep-1426/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mesh_patterns.importers import parts
from mesh_patterns.importers.catalog import Catalog, Entry, Part
from mesh_patterns.importers.gateway_api import rules
from mesh_patterns.importers.gateway_api.parents import Bound, services
from mesh_patterns.importers.gateway_api.routes import Route
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.tables import pattern
from mesh_patterns.model import CLIENT
from mesh_patterns.selector import MESH
from mesh_yaml.node import Node


@dataclass(slots=True)
class Callee:
    """A Service that routes are attached to; ``bound`` are they by whose callers they are for, the
    producer's under nothing.
    """

    entry: Entry
    part: Part | None
    bound: dict[str, list[Bound]] = field(default_factory=dict)

    def callers(self, namespace: str, catalog: Catalog) -> list[str]:
        """Who follows the routes for callers in a namespace, or those of the producer."""
        foreign = self.bound.keys() - {""}
        if not namespace and not foreign:
            return [MESH]
        calling = [each for each in catalog.entries.values() if self.entry.name in each.calls]
        if namespace:
            return [each.name for each in calling if each.namespace == namespace]
        return [CLIENT, *(each.name for each in calling if each.namespace not in foreign)]


def callees(routes: Iterable[Route], catalog: Catalog) -> list[Callee]:
    """The Services that routes are attached to."""
    found: dict[str, Callee] = {}
    for route in routes:
        for bound in services(route):
            callee = _callee(bound, catalog)
            if callee is None:
                continue
            key = callee.part.hosts[0] if callee.part else callee.entry.name
            scope = "" if bound.namespace == route.namespace else route.namespace
            found.setdefault(key, callee).bound.setdefault(scope, []).append(bound)
    return list(found.values())


def _callee(bound: Bound, catalog: Catalog) -> Callee | None:
    name, source = bound.service, bound.route.source
    part = catalog.part(name.text(), bound.namespace)
    entry = part.entry if part else catalog.lookup(name.text(), bound.namespace)
    if entry is None and catalog.described:
        message = f"no file has the Service {name.text()!r}: nothing follows {source.owner} there"
        source.notes.warn(name.place, message)
        return None
    return Callee(entry or catalog.find(name, bound.namespace), part)


def patterns(found: Iterable[Callee], catalog: Catalog, notes: Notes) -> Iterator[Node]:
    """The patterns of HTTPRoutes and GRPCRoutes, one for each callee and its callers."""
    for callee in found:
        for namespace, bound in callee.bound.items():
            made = _ranked(bound, callee.entry)
            callers = callee.callers(namespace, catalog)
            if not callers:
                _tell_nobody(bound[0], callee, notes)
            for caller in callers:
                yield _pattern(caller, callee, made, bound[0].service)


def _pattern(caller: str, callee: Callee, made: Iterable[Node], node: Node) -> Node:
    if callee.part is not None:
        return parts.pattern(caller, callee.part, made, node)
    return pattern(f"{caller} -> {callee.entry.name}", made, node)


def _tell_nobody(bound: Bound, callee: Callee, notes: Notes) -> None:
    owner, name = bound.route.source.owner, callee.entry.name
    message = f"{owner} is for callers in {bound.route.namespace!r}, where nobody calls {name!r}"
    notes.warn(bound.service.place, message)


def _ranked(bound: Sequence[Bound], entry: Entry) -> list[Node]:
    """The rules of all routes, in their order."""
    routes: Mapping[Route, None] = dict.fromkeys(each.route for each in bound)
    for route in routes:
        if route.hostnames:
            route.source.approximate("hostnames: callers of a Service know it", route.hostnames[0])
    rows = [(route, rule) for route in routes for rule in rules.read(route, entry)]
    rows.sort(key=lambda row: ([-n for n in row[1].rank], row[0].age, row[1].index))
    return [node for _, rule in rows for node in rule.made]
