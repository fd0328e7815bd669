"""service-router, service-splitter and service-resolver as rules for a service's callers.

https://developer.hashicorp.com/consul/docs/connect/config-entries/service-router
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mesh_patterns.importers.consul import chain, headers, matches
from mesh_patterns.importers.consul.world import Source, World
from mesh_patterns.importers.fields import text
from mesh_patterns.protocols import PROTOCOLS
from mesh_patterns.selector import MESH
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
_DESTINATION = (
    "service", "serviceSubset", "prefixRewrite", "requestTimeout", "numRetries",
    "retryOnConnectFailure", "retryOn", "retryOnStatusCodes", "requestHeaders", "responseHeaders",
)  # fmt: skip
NO_TIMEOUT = (
    "without a requestTimeout a request may take as long as it takes; with Consul it is 15s"
)


def patterns(world: World, at_ingress: frozenset[str]) -> Iterator[Node]:
    """The rules of each service that has a chain; at the ingress they hold, too.

    Its own resolver may be all that a service has.
    """
    names = dict.fromkeys([*world.routers, *world.splitters, *world.resolvers])
    for name in names:
        made = world.notes.collected(_of_service(name, world))
        entry = world.catalog.lookup(name, "default")
        for caller in (MESH, "ingress") if entry and entry.name in at_ingress else (MESH,):
            if made and entry is not None:
                place = made[0].place
                on = f"{caller} -> {entry.name}"
                yield Node.of({"pattern": "route", "on": on, "rules": made}, place)


def _of_service(name: str, world: World) -> Iterator[Node]:
    router = world.routers.get(name)
    first = router or world.splitters.get(name) or world.resolvers[name]
    here = Node(name, first.object.place)
    entry = world.catalog.lookup(name, "default")
    if entry is None and world.catalog.described and not _leads_on(name, world):
        message = f"no file has the service {name!r}: {first.owner} is left out"
        first.notes.warn(here.place, message)
        return
    entry = entry or world.catalog.find(here, "default")
    if (router or name in world.splitters) and not PROTOCOLS[entry.protocol].requests:
        message = f"{first.owner} is for requests, and {name!r} speaks {entry.protocol}"
        raise DocumentError.at(here.place, message)
    for node in router.list("routes") if router else ():
        assert router is not None
        yield from _rule(node, here, router)
    rest = chain.legs(here, world)
    timeout = _timeout(rest, world)
    if not chain.is_plain(rest, name) or timeout is not None:
        if timeout is None:
            first.approximate(NO_TIMEOUT, here)
        made: Made = {"timeout": timeout} if timeout is not None else {}
        yield from chain.rules(rest, made, _place(name, world, here))


def _leads_on(name: str, world: World) -> bool:
    """Whether it is the name of something virtual: of other services, by a redirect or splits."""
    resolver = world.resolvers.get(name)
    redirect = resolver.object.spec.get("redirect") if resolver is not None else None
    return bool(redirect and redirect.value) or name in world.splitters or name in world.routers


def _place(name: str, world: World, here: Node) -> Node:
    source = world.splitters.get(name) or world.resolvers.get(name)
    return Node(None, source.object.place) if source is not None else here


def _rule(node: Node, name: Node, source: Source) -> Iterator[Node]:
    source.notes.leftovers(node, ("match", "destination"), source.owner, "routes.")
    match, goal = node.get("match"), node.get("destination") or Node(None, node.place)
    http = match.get("http") if match is not None else None
    if match is not None:
        source.notes.leftovers(match, ("http",), source.owner, "match.")
    source.notes.leftovers(goal, _DESTINATION, source.owner, "destination.")
    condition = matches.of_route(http) if http is not None else {}
    made: Made = {"match": condition} if condition else {}
    found = _goal(goal, name, source.world)
    timeout = goal.get("requestTimeout") or _timeout(found, source.world)
    if timeout is not None and timeout.value:
        made["timeout"] = timeout
    else:
        source.approximate(NO_TIMEOUT, name)
    made |= _settings(goal, condition, source)
    yield from chain.rules(found, made, node)


def _goal(goal: Node, name: Node, world: World) -> list[chain.Leg]:
    given, subset = goal.get("service"), text(goal, "serviceSubset")
    other = given if given is not None and given.value else Node(name.text(), goal.place)
    if subset:
        return [chain.Leg(Fraction(1), chain.resolve(other, subset, world), goal)]
    return chain.legs(other, world)


def _timeout(found: list[chain.Leg], world: World) -> Node | None:
    """That of the resolver where requests end; of several the splitter has none."""
    source = world.resolvers.get(found[0].end.service) if len(found) == 1 else None
    given = source.object.spec.get("requestTimeout") if source is not None else None
    return given if given is not None and given.value else None


def _settings(goal: Node, condition: Made, source: Source) -> Made:
    made: Made = {}
    rewrite = goal.get("prefixRewrite")
    if rewrite is not None and rewrite.value:
        if not condition.get("path", {"prefix": ""}).keys() & {"prefix", "exact"}:
            message = "prefixRewrite goes with a pathPrefix or a pathExact"
            raise DocumentError.at(rewrite.place, message)
        made["rewrite"] = {"path": rewrite}
    if (edits := headers.edits(goal, source)) is not None:
        made["headers"] = edits
    if (retries := _retries(goal)) is not None:
        made["retries"] = retries
    return made


def _retries(goal: Node) -> Made | None:
    """One retry where only conditions are said, which is Envoy's number."""
    number, connect = goal.get("numRetries"), goal.get("retryOnConnectFailure")
    conditions: list[Any] = []
    if connect is not None and connect.value is True:
        conditions.append(Node("connect-failure", connect.place))
    for name in ("retryOn", "retryOnStatusCodes"):
        given = goal.get(name)
        conditions += given.elements() if given is not None else ()
    if not conditions and (number is None or not number.value):
        return None
    attempts = number if number is not None and number.value else 1
    return {"attempts": attempts, "retry_on": conditions}
