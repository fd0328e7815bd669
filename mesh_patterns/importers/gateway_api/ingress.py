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
from mesh_patterns.importers.hostnames import specificity, wider
from mesh_patterns.importers.tables import Table
from mesh_yaml.node import Node

Made = Mapping[Route, Sequence[Rule]]
Entrance = tuple[str, str, str]  # a gateway's namespace and name, and a port of it


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
    index = _Index(attached, known)
    found = {name: _rows(name, index, made) for name in index.names}
    groups: dict[tuple[tuple[int, str], ...], list[str]] = {}
    for name, rows in found.items():
        if rows or any(found.get(other) for other in wider(name)):
            key = tuple((id(row.rule), row.scheme) for row in rows)
            groups.setdefault(key, []).append(name)
    return [_table(names, found[names[0]], attached[0].route) for names in groups.values()]


class _Index:
    """Routes by the names under which they are attached, and listeners by those that they have."""

    def __init__(self, attached: Iterable[Attached], known: Known) -> None:
        self._under: dict[str, list[Attached]] = {}
        self._taken: dict[Entrance, set[str]] = {}
        self.names: dict[str, None] = {}  # of all of them
        gateways = {each.listener.gateway: None for each in attached}
        for listener in (each for key in gateways for each in known.get(key, ())):
            if listener.kinds & {"HTTPRoute", "GRPCRoute"}:
                self._taken.setdefault(_entrance(listener), set()).add(listener.hostname)
                self.names[listener.hostname] = None
        for each in attached:
            self._under.setdefault(each.host, []).append(each)
            self.names[each.host] = None

    def here(self, name: str) -> Iterator[Attached]:
        """Routes that see requests of a host: of each, once by its most specific name."""
        best: dict[tuple[Route, str], Attached] = {}
        for each in (found for host in wider(name) for found in self._under.get(host, ())):
            if each.listener.hostname != self._owner(name, each.listener):
                continue
            key = (each.route, each.listener.scheme)
            if key not in best or specificity(each.own) > specificity(best[key].own):
                best[key] = each
        yield from best.values()

    def _owner(self, name: str, listener: Listener) -> str:
        """The hostname of the listener that has the requests of a host, at the same port."""
        taken = self._taken.get(_entrance(listener), set())
        return next((host for host in wider(name) if host in taken), listener.hostname)


def _entrance(listener: Listener) -> Entrance:
    return (*listener.gateway, str(listener.port))


def _table(names: Sequence[str], rows: Sequence[_Row], first: Route) -> Table:
    route = rows[0].at.route if rows else first
    place = route.hostnames[0] if route.hostnames else Node(None, route.source.object.place)
    made = tuple(node for row in rows for node in row.nodes())
    nothing = Node.of({"respond": {"status": 404}}, place.place)
    return Table(tuple(names), made or (nothing,), place, route.source.owner)


def _rows(name: str, index: _Index, made: Made) -> list[_Row]:
    here = _of_one_kind(name, list(index.here(name)))
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
