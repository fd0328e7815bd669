"""Who gets in where: an ``authorization`` for the services of each Server.

A Server lets in only whom somebody authorizes. Of its routes the one that is most specific has a
request, and who may send it is said for that one; what no route has is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.gateway_api import matches, methods
from mesh_patterns.importers.linkerd import authorizations
from mesh_patterns.importers.linkerd.authorizations import Grant
from mesh_patterns.importers.linkerd.servers import Server
from mesh_patterns.importers.linkerd.world import Source, World
from mesh_patterns.importers.objects import Object
from mesh_patterns.policy import ANYBODY
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Made = dict[str, Any]
MAX_MATCHES = 100  # of all routes at one Server: each is asked for after those that go before it
AUDIT = "audit"
_POLICIES: Mapping[str, Made | None] = {  # who gets in without being named
    "deny": None,
    AUDIT: None,
    "all-unauthenticated": {},
    "all-authenticated": {"from": [ANYBODY]},
    "cluster-unauthenticated": {},
    "cluster-authenticated": {"from": [ANYBODY]},
}


@dataclass(frozen=True, slots=True)
class Row:
    """A match of a route, and who may send what it matches."""

    rank: tuple[int, ...]
    made: Made
    allowed: Sequence[Made]


def open_to(policy: Node | None, source: Source) -> list[Made]:
    """Whom an ``accessPolicy``, or a default policy, lets in.

    Raises:
        DocumentError: there is no such policy.
    """
    if policy is None:
        return []
    name = policy.text()
    if name not in _POLICIES:
        raise DocumentError.at(policy.place, f"unknown policy {name!r}{suggest(name, _POLICIES)}")
    if name.startswith("cluster-"):
        source.approximate(f"{name}: for callers from anywhere", policy)
    made = _POLICIES[name]
    return [] if made is None else [made]


def patterns(servers: Sequence[Server], grants: Sequence[Grant], world: World) -> Iterator[Node]:
    """Mutual TLS where callers are asked for by name, and the authorizations."""
    made: list[tuple[str, list[Node]]] = []
    for server in servers:
        found = world.notes.guard(_allows, server, grants, world) or []
        made += [(on, list(_patterns(on, found, server))) for on in server.targets]
    asked = [on.partition("/")[0] for on, nodes in made if any(map(_asks, nodes))]
    place = servers[0].source.object.place if servers else None
    for service in dict.fromkeys(asked):
        assert place is not None
        yield Node.of({"pattern": "mtls", "on": service, "mode": "permissive"}, place)
    for _, nodes in made:
        yield from nodes


def _asks(pattern: Node) -> bool:
    rules = pattern.get("allow")
    return rules is not None and any(rule.get("from") is not None for rule in rules.elements())


def _patterns(on: str, allows: Sequence[Sequence[Made]], server: Server) -> Iterator[Node]:
    """Each has to let a request pass; one that lets all pass goes without saying."""
    place = server.source.object.place
    audit = server.policy is not None and server.policy.value == AUDIT
    for allow in allows:
        if {} not in allow:
            fields: Made = {"pattern": "authorization", "on": on, "allow": [*allow]}
            yield Node.of(fields | ({"dry_run": True} if audit else {}), place)


def _allows(server: Server, grants: Sequence[Grant], world: World) -> list[Sequence[Made]]:
    it = server.source.object
    whole = [client.access() for client in authorizations.at(it, grants)]
    whole += open_to(server.policy, server.source)
    routes = authorizations.routes_at(it, world.objects)
    if not routes:
        return [whole]
    told = "what no route of the Server has is refused with 403, where Linkerd answers 404"
    server.source.approximate(told, Node(None, it.place))
    rows = [row for route in routes for row in _rows(route, whole, grants, world)]
    if len(rows) > MAX_MATCHES:
        message = f"{server.source.owner} has routes of {len(rows)} matches, at most {MAX_MATCHES}"
        raise DocumentError.at(it.place, message)
    rows.sort(key=lambda row: row.rank, reverse=True)
    return list(_in_order(rows))


def _rows(
    route: Object, whole: Sequence[Made], grants: Sequence[Grant], world: World
) -> Iterator[Row]:
    source = Source(route, world)
    allowed = [*whole, *(client.access() for client in authorizations.at(route, grants))]
    of_rule = methods.of_rule if route.kind == "GRPCRoute" else matches.of_rule
    for rule in source.list("rules") or (Node(None, route.place),):
        world.notes.leftovers(rule, ("matches", "name"), source.owner, "rules.")
        for match in of_rule(rule):
            query = match.made.pop("query", None)
            if query:
                source.skip("queryParams where it is said who may send: nobody may", match.place)
            yield Row(match.rank, match.made, () if query else allowed)


def _in_order(rows: Sequence[Row]) -> Iterator[Sequence[Made]]:
    """Some row has a request, and the first that has it lets it in."""
    if all(row.allowed == rows[0].allowed for row in rows):
        yield [who | _conditions(row) for row in rows for who in row.allowed]
        return
    for index, row in enumerate(rows):
        before = [_conditions(each) for each in rows[:index]]
        own = [who | _conditions(row) for who in row.allowed]
        yield [*before, *own, *_not(row)]
    yield [_conditions(row) for row in rows]


def _conditions(row: Row) -> Made:
    made: Made = {}
    if "path" in row.made:
        made["paths"] = [row.made["path"]]
    if "method" in row.made:
        made["methods"] = [row.made["method"]]
    if "headers" in row.made:
        made["headers"] = row.made["headers"]
    return made


def _not(row: Row) -> Iterator[Made]:
    """What is none of a row: one of its conditions does not hold."""
    made = _conditions(row)
    for name in ("paths", "methods"):
        if name in made:
            yield {"not": {name: made[name]}}
    for name, match in made.get("headers", {}).items():
        yield {"headers": {name: {**match, "invert": True}}}
