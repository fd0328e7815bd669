"""One of a VirtualService's ``http`` rules, as a rule of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesh_patterns.importers.istio import cors_policies, delegates, settings
from mesh_patterns.importers.istio.destinations import targets, weights
from mesh_patterns.importers.istio.matches import Bound, match
from mesh_patterns.importers.istio.source import Source
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]

_KNOWN = frozenset(
    {
        "name", "match", "route", "redirect", "directResponse", "rewrite", "timeout", "retries",
        "fault", "headers", "mirror", "mirrors", "mirrorPercentage", "mirrorPercent",
        "mirror_percent", "corsPolicy",
    }
)  # fmt: skip
DEFAULT_RETRIES = (
    "Istio's default retries (2, on connect-failure, refused-stream, unavailable, cancelled) are "
    "not made where a route says nothing of retries"
)


def rules(bound: Bound, source: Source) -> tuple[Node, ...]:
    """All rules that are for the gateways that are looked at, in order."""
    every = delegates.rules(source, source.world.delegates)
    made = (source.notes.guard(rule, node, bound, owner) for node, owner in every)
    return tuple(found for found in made if found is not None)


def rule(node: Node, bound: Bound, source: Source) -> Node | None:
    """One rule; ``None`` when nothing of its match is left.

    Raises:
        DocumentError: it does not say what becomes of a request.
    """
    found = _matches(node, bound, source)
    if found is None:
        return None
    answer = _answer(node, source)
    source.notes.leftovers(node, _KNOWN, source.owner, "http.")
    made: Made = {"match": found} if found else {}
    made |= answer | _settings(node, source)
    if "retries" not in made and "to" in made:
        source.notes.approximate(DEFAULT_RETRIES, node.place, source.owner)
    return Node.of(made, node.place)


def _matches(node: Node, bound: Bound, source: Source) -> list[Any] | None:
    """Nothing where the rule is for all requests, ``None`` where it is for none."""
    given = node.get("match")
    nodes = given.elements() if given is not None else ()
    found = [made for each in nodes if (made := match(each, bound, source)) is not None]
    if nodes and not found:
        return None
    if any(not made.value for made in found):
        return []  # one that asks for nothing holds for every request
    return [*found]


def _answer(node: Node, source: Source) -> Made:
    """What becomes of a request: one of three ways."""
    redirect, respond, route = (node.get(name) for name in ("redirect", "directResponse", "route"))
    if redirect is not None:
        return {"redirect": settings.redirect(redirect, source)}
    if respond is not None:
        return {"respond": settings.respond(respond, source)}
    if route is not None and route.elements():
        return {"to": Node.of(_shares(route.elements(), source), route.place)}
    raise DocumentError.at(node.place, "a rule has none of route, redirect and directResponse")


def _settings(node: Node, source: Source) -> Made:
    made: Made = settings.taken(node, {"timeout": "timeout"})
    if (retries := node.get("retries")) is not None:
        made["retries"] = settings.retries(retries, source)
    if (fault := node.get("fault")) is not None:
        made |= _if_any("fault", settings.fault(fault, source))
    made |= _if_any("mirror", settings.mirror(node, source))
    made |= _if_any("cors", cors_policies.policy(node, source))
    given = node.get("rewrite")
    rewrite = settings.rewrite(given, source) if given is not None else {}
    edits, host = settings.headers(_headers(node, source), source)
    if edits:
        made["headers"] = edits
    if host is not None:
        rewrite.setdefault("host", host)
    return made | ({"rewrite": rewrite} if rewrite else {})


def _headers(node: Node, source: Source) -> Sequence[Node]:
    """The rule's own edits, and those of its destination if there is but one."""
    own = node.get("headers")
    found = [own] if own is not None else []
    route = node.get("route")
    destinations = route.elements() if route is not None else ()
    inner = [given for each in destinations if (given := each.get("headers")) is not None]
    return found + inner if len(destinations) == 1 else found


def _shares(destinations: Sequence[Node], source: Source) -> Made:
    """Weights, and what is done to the requests of one destination of several."""
    whole = weights(destinations, source)
    made: Made = dict(whole)
    for each in destinations if len(destinations) > 1 else ():
        given, goal = each.get("headers"), each.get("destination")
        if given is None or goal is None:
            continue
        edits, host = settings.headers([given], source)
        if host is not None:
            source.skip("another Host for one of several destinations", host)
        for name in targets(goal, source) if edits else ():
            made[name] = {"weight": whole[name], "headers": edits}
    return made


def _if_any(name: str, node: Node | None) -> Made:
    return {name: node} if node is not None else {}
