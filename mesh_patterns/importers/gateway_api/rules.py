"""A rule of an HTTPRoute or a GRPCRoute as rules of ours, one for each match, and their ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers import linkerd_annotations
from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.gateway_api import backends, filters, matches, methods
from mesh_patterns.importers.gateway_api.backends import Backends
from mesh_patterns.importers.gateway_api.matches import Ranked
from mesh_patterns.importers.gateway_api.routes import Route
from mesh_yaml.node import Node

Made = dict[str, Any]
_KNOWN = ("name", "matches", "filters", "backendRefs", "timeouts", "retry", "sessionPersistence")
_MATCHES: Mapping[str, Callable[[Node], list[Ranked]]] = {
    "HTTPRoute": matches.of_rule,
    "GRPCRoute": methods.of_rule,
}
# Envoy's words for what the spec says a retry is good for: no connection, or a request that was
# turned away before anybody looked at it.
RETRY_ON = ("connect-failure", "refused-stream", "unavailable", "cancelled")


@dataclass(frozen=True, slots=True)
class Rule:
    """A match of a rule, how it ranks among those of all routes, and rules of ours, in order."""

    rank: tuple[int, ...]
    index: int
    made: tuple[Node, ...]


def read(route: Route, root: Entry | None = None) -> list[Rule]:
    """All rules of a route for callers of ``root``, or of the ingress."""
    nodes = route.source.list("rules") or (Node(None, route.source.object.place),)
    found: list[Rule] = []
    for index, node in enumerate(nodes):
        made = route.source.notes.guard(list, _rule(node, index, route, root))
        found.extend(made or ())
    return found


def _rule(node: Node, index: int, route: Route, root: Entry | None) -> Iterator[Rule]:
    route.source.notes.leftovers(node, _KNOWN, route.source.owner, "rules.")
    ranked = _MATCHES[route.kind](node)
    led = backends.read(node, route, root)
    settings = _settings(node, ranked, route, led)
    for match in ranked:
        made = tuple(_of_match(match, led, settings, node, route))
        yield Rule(match.rank, index, made)


def _of_match(
    match: Ranked, led: Backends, settings: Made, node: Node, route: Route
) -> Iterator[Node]:
    """Its rule, and before it one for the share that leads nowhere."""
    condition: Made = {"match": match.made} if match.made else {}
    if settings.keys() & {"redirect", "respond"}:
        yield Node.of(condition | settings, node.place)
        return
    nowhere = {"respond": {"status": backends.status(route)}}
    if not any(weight.plain() for weight in led.to.values()):
        yield Node.of(condition | nowhere, node.place)
        return
    if led.lost:
        by_chance = {"match": {**match.made, "percent": led.lost_percent}}
        yield Node.of(by_chance | nowhere, node.place)
    yield Node.of({**condition, "to": _shares(node, led, route), **settings}, node.place)


def _shares(node: Node, led: Backends, route: Route) -> Made:
    """Weights, and what is done to the requests of one backend of several."""
    nodes = elements(node, "backendRefs")
    made: Made = dict(led.to)
    for each in nodes if len(nodes) > 1 else ():
        own = filters.for_a_share(elements(each, "filters"), route)
        edits = filters.read(own, None, route).get("headers")
        for name in backends.target(each, route) if edits else ():
            made[name] = {"weight": led.to[name], "headers": edits}
    return made


def _settings(node: Node, ranked: list[Ranked], route: Route, led: Backends) -> Made:
    nodes = elements(node, "backendRefs")
    own = (*elements(node, "filters"), *(elements(nodes[0], "filters") if len(nodes) == 1 else ()))
    made = filters.read(own, _prefix(ranked), route)
    if "respond" in made:
        return {"respond": made["respond"]}
    if "redirect" in made:
        return {name: made[name] for name in made.keys() & {"redirect", "headers", "cors"}}
    source = route.source
    said = linkerd_annotations.read(source.object, source.notes)
    return made | _times(node, route) | said


def _prefix(ranked: list[Ranked]) -> str | None:
    if len(ranked) != 1:
        return None
    path = ranked[0].made.get("path")
    if path is None:
        return "/"
    prefix = path.get("separated_prefix")
    return prefix.text() if prefix is not None else None


def _times(node: Node, route: Route) -> Made:
    """Timeouts and retries. Without retries a request to a backend is all that there is."""
    source = route.source
    timeouts = node.get("timeouts") or Node(None, node.place)
    source.notes.leftovers(timeouts, ("request", "backendRequest"), source.owner, "timeouts.")
    whole, each = _time(timeouts, "request"), _time(timeouts, "backendRequest")
    made: Made = {"timeout": whole} if whole is not None else {}
    retry = node.get("retry")
    if retry is None or retry.value is None:
        return made | ({"timeout": each} if each is not None else {})
    made["retries"] = _retries(retry, route)
    if each is not None:
        made["retries"]["per_try_timeout"] = each
    return made


def _time(node: Node, name: str) -> Node | None:
    """Nothing where it is not there, or zero, which means the same."""
    found = node.get(name)
    return found if found is not None and text(node, name).strip("0hms") else None


def _retries(node: Node, route: Route) -> Made:
    route.source.notes.leftovers(
        node, ("codes", "attempts", "backoff"), route.source.owner, "retry."
    )
    made: Made = {"retry_on": [*RETRY_ON, *elements(node, "codes")]}
    attempts, backoff = node.get("attempts"), node.get("backoff")
    if attempts is not None and attempts.value is not None:
        made["attempts"] = attempts
    if backoff is not None and backoff.value is not None:
        made["backoff"] = {"base": backoff}
    return made
