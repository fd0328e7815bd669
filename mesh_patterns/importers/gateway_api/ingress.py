"""Routes at gateways: which rules hold under which name, in the order that the spec gives them.

A request belongs to the most specific listener of a gateway's port that has its host, and no other
listener's routes see it. Of the routes there, those whose own hostname is more specific go first;
then matches are ranked across all routes, and then the oldest route wins.
https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.gateway_api import rules
from mesh_patterns.importers.gateway_api.gateways import Listener
from mesh_patterns.importers.gateway_api.parents import Attached, Known, listeners
from mesh_patterns.importers.gateway_api.routes import Route
from mesh_patterns.importers.gateway_api.rules import Rule
from mesh_patterns.importers.hostnames import covers, specificity
from mesh_patterns.importers.tables import Table
from mesh_yaml.node import Node

Made = Mapping[Route, Sequence[Rule]]


@dataclass(frozen=True, slots=True)
class _Row:
    """A rule under a name; ``scheme`` where requests of both schemes have that name."""

    at: Attached
    rule: Rule
    scheme: str

    @property
    def order(self) -> tuple[Any, ...]:
        """What is smaller goes first."""
        chars = specificity(self.at.own)
        negative = tuple(-number for number in (*chars, *self.rule.rank))
        return (negative, self.at.route.age, self.rule.index)

    def nodes(self) -> Iterator[Node]:
        for node in self.rule.made:
            match = {**dict((node.get("match") or Node({}, node.place)).items())}
            if self.scheme:
                match["scheme"] = Node(self.scheme, self.at.listener.node.place)
            yield Node.of({**dict(node.items()), "match": match}, node.place) if match else node


def tables(routes: Sequence[Route], known: Known) -> list[Table]:
    """What is done with requests at the ingress, by host."""
    attached = [each for route in routes for each in listeners(route, known)]
    made = {route: rules.read(route) for route in dict.fromkeys(each.route for each in attached)}
    found = {name: _rows(name, attached, made, known) for name in _names(attached, known)}
    groups: dict[tuple[tuple[int, str], ...], list[str]] = {}
    for name, rows in found.items():
        shadowed = any(covers(o, name) for o, theirs in found.items() if o != name and theirs)
        if rows or shadowed:
            key = tuple((id(row.rule), row.scheme) for row in rows)
            groups.setdefault(key, []).append(name)
    return [_table(names, found[names[0]], attached[0].route) for names in groups.values()]


def _names(attached: Iterable[Attached], known: Known) -> Iterable[str]:
    """Those under which routes are attached, and those that listeners keep to themselves."""
    found: dict[str, None] = {}
    for each in attached:
        found[each.host] = None
        for listener in known.get(each.listener.gateway, ()):
            if "HTTPRoute" in listener.kinds or "GRPCRoute" in listener.kinds:
                found[listener.hostname] = None
    return found


def _table(names: Sequence[str], rows: Sequence[_Row], first: Route) -> Table:
    route = rows[0].at.route if rows else first
    place = route.hostnames[0] if route.hostnames else Node(None, route.source.object.place)
    made = tuple(node for row in rows for node in row.nodes())
    nothing = Node.of({"respond": {"status": 404}}, place.place)
    return Table(tuple(names), made or (nothing,), place, route.source.owner)


def _rows(name: str, attached: Iterable[Attached], made: Made, known: Known) -> list[_Row]:
    here = _of_one_kind(name, list(_here(name, attached, known)))
    schemes = {each.listener.scheme for each in here}
    rows = [
        _Row(each, rule, each.listener.scheme if len(schemes) > 1 else "")
        for each in here
        for rule in made[each.route]
    ]
    if len(schemes) > 1:
        told = "HTTP and HTTPS listeners of one host: a client says which by x-forwarded-proto"
        here[0].route.source.approximate(told, here[0].listener.node)
    return sorted(rows, key=lambda row: row.order)


def _here(name: str, attached: Iterable[Attached], known: Known) -> Iterator[Attached]:
    """Routes that see requests of a host: of each, once by its most specific name."""
    best: dict[tuple[Route, str], Attached] = {}
    for each in attached:
        owner = _owner(name, each.listener, known)
        if not covers(each.host, name) or each.listener.hostname != owner:
            continue
        key = (each.route, each.listener.scheme)
        if key not in best or specificity(each.own) > specificity(best[key].own):
            best[key] = each
    yield from best.values()


def _owner(name: str, listener: Listener, known: Known) -> str:
    """The hostname of the listener that has the requests of a host, at the same port."""
    beside = (each for each in known.get(listener.gateway, ()) if each.port == listener.port)
    found = [each.hostname for each in beside if covers(each.hostname, name)]
    return max(found, key=specificity, default=listener.hostname)


def _of_one_kind(name: str, here: list[Attached]) -> list[Attached]:
    """HTTPRoutes and GRPCRoutes are not merged: those of the oldest route's kind stay."""
    if len({each.route.kind for each in here}) < 2:
        return here
    kind = min(here, key=lambda each: each.route.age).route.kind
    for each in here:
        if each.route.kind != kind:
            source = each.route.source
            message = (
                f"{source.owner} is left out for host {name!r}, where there is an older {kind}"
            )
            source.notes.warn(source.object.place, message)
    return [each for each in here if each.route.kind == kind]
