"""ServiceProfile: routes with timeouts and retries, and shares of other services.

Requests that no route takes go to the service as if there were none. A profile in the namespace of
its service is for all callers, one elsewhere for the callers there, and goes first.
https://linkerd.io/2/reference/service-profiles/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers import backends, parts
from mesh_patterns.importers.catalog import Entry, Part
from mesh_patterns.importers.fields import needed
from mesh_patterns.importers.linkerd import classes, conditions
from mesh_patterns.importers.linkerd.world import Source, World
from mesh_patterns.importers.quantities import weights
from mesh_patterns.selector import MESH
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
_KNOWN = ("routes", "retryBudget", "dstOverrides")
_ROUTE = ("name", "condition", "responseClasses", "isRetryable", "timeout")
ATTEMPTS = 10  # of one request; in Linkerd only the budget ends them
RATIO, MIN_RETRIES = 0.2, 10  # of the budget where nothing is said of it


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile that was read: the service whose callers it is for, and their rules."""

    source: Source
    entry: Entry
    part: Part | None
    rules: tuple[Node, ...]
    retried: bool

    @property
    def is_consumers(self) -> bool:
        return self.source.object.namespace != self.entry.namespace and not self.entry.own


def read(source: Source) -> Profile | None:
    """A profile; ``None`` where its service is not there, which is told.

    Raises:
        DocumentError: something in it is none of what Linkerd takes.
    """
    it, catalog = source.object, source.world.catalog
    source.notes.leftovers(it.spec, _KNOWN, source.owner)
    host = Node(it.name.removesuffix("."), it.place)
    part = catalog.part(host.text(), it.namespace)
    entry = part.entry if part else catalog.lookup(host.text(), it.namespace)
    if entry is None and catalog.described:
        message = f"no file has the service {it.name!r}: {source.owner} is left out"
        source.notes.warn(it.place, message)
        return None
    root = entry or source.service(host)
    rules = tuple(_rules(source, root, part))
    retried = any(rule.get("retries") is not None for rule in rules)
    return Profile(source, root, part, rules, retried)


def _rules(source: Source, root: Entry, part: Part | None) -> Iterator[Node]:
    to = _shares(source, root)
    own: Made = {**to} or (dict.fromkeys(part.targets(), 1) if part else {})
    for node in source.list("routes"):
        yield _rule(node, source, own)
    if own:
        place = next((each.place for each in to.values()), source.object.place)
        yield Node.of({"to": own}, place)


def _rule(node: Node, source: Source, to: Made) -> Node:
    source.notes.leftovers(node, _ROUTE, source.owner, "routes.")
    matches = conditions.read(needed(node, "condition", "a route"))
    made: Made = {"match": matches[0] if len(matches) == 1 else matches} if matches else {}
    if not matches:
        raise DocumentError.at(node.place, "no request can be what a route's condition wants")
    if to:
        made["to"] = to
    timeout, again = node.get("timeout"), node.get("isRetryable")
    if timeout is not None and timeout.value:
        made["timeout"] = timeout
    if again is not None and again.value is True:
        place = again.key or again.place
        made["retries"] = Node.of({"attempts": ATTEMPTS, "retry_on": classes.retry_on(node)}, place)
    return Node.of(made, node.place)


def _shares(source: Source, root: Entry) -> dict[str, Node]:
    nodes = source.list("dstOverrides")
    found: list[tuple[int, Sequence[str], Node]] = []
    for node, number in zip(nodes, weights(nodes), strict=True):
        source.notes.leftovers(node, ("authority", "weight"), source.owner, "dstOverrides.")
        given = needed(node, "authority", "a dstOverride")
        name = Node(given.text().partition(":")[0].removesuffix("."), given.place)
        goal = backends.targets(name, source.object.namespace, source.world.catalog, root)
        if not goal:
            message = f"no file has the service {given.text()!r}: it gets nothing"
            source.notes.warn(given.place, message)
        found.append((number, goal, node.get("weight") or node))
    to = backends.shared(found)
    return to if any(weight.value for weight in to.values()) else {}


def patterns(found: Sequence[Profile], world: World) -> Iterator[Node]:
    """The rules of all profiles, those of callers' own namespaces first, and budgets."""
    for profile in sorted(found, key=lambda each: not each.is_consumers):
        for caller in _callers(profile, world):
            yield from world.notes.collected(_patterns(caller, profile))


def _callers(profile: Profile, world: World) -> Sequence[str]:
    if not profile.is_consumers:
        return (MESH,)
    it = profile.source
    calling = [e for e in world.catalog.entries.values() if profile.entry.name in e.calls]
    found = [entry.name for entry in calling if entry.namespace == it.object.namespace]
    if not found:
        namespace, name = it.object.namespace, profile.entry.name
        message = f"{it.owner} is for callers in {namespace!r}, where nobody calls {name!r}"
        it.notes.warn(it.object.place, message)
    return found


def _patterns(caller: str, profile: Profile) -> Iterator[Node]:
    place = Node(None, profile.source.object.place)
    on = f"{caller} -> {profile.entry.name}"
    rules = list(profile.rules)
    if profile.is_consumers:
        rules.append(Node.of({}, place.place))  # not those for all callers
    if rules and profile.part is not None:
        yield parts.pattern(caller, profile.part, rules, place)
    elif rules:
        yield Node.of({"pattern": "route", "on": on, "rules": rules}, place.place)
    if profile.retried:
        yield _budget(on, profile.source)


def _budget(on: str, source: Source) -> Node:
    """Linkerd's is of the requests of some seconds, Envoy's of those that are under way."""
    node = source.object.spec.get("retryBudget") or Node(None, source.object.place)
    known = ("retryRatio", "minRetriesPerSecond", "ttl")
    source.notes.leftovers(node, known, source.owner, "retryBudget.")
    told = (
        f"retryBudget: of the requests that are under way, and {ATTEMPTS} retries of one request "
        "at most; Linkerd counts the requests of the last seconds"
    )
    source.approximate(told, node)
    ratio, least = _number(node, "retryRatio", RATIO), _number(node, "minRetriesPerSecond", 0)
    if node.get("minRetriesPerSecond") is None:
        least = MIN_RETRIES
    percent = min(100.0, 100 * ratio)
    budget = {"percent": percent, "min_concurrency": int(least)}
    fields: Made = {"pattern": "retries", "on": on, "attempts": 0, "budget": budget}
    return Node.of(fields, node.key or node.place)


def _number(node: Node, name: str, otherwise: float) -> float:
    found = node.get(name)
    if found is None or found.value is None:
        return otherwise
    value = found.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**32:
        raise DocumentError.at(found.place, f"expected a number, got {found.kind}")
    return value
