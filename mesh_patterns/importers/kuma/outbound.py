"""Policies with ``to``: what a caller's proxy does with requests to a service.

All that policies say of a caller and a service is merged first. What holds for everybody is said of
all callers; what one caller has otherwise is said of it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.kuma import (
    circuit_breakers,
    health_checks,
    load_balancing,
    retries,
    timeouts,
)
from mesh_patterns.importers.kuma.merging import Item, items, merged, policies
from mesh_patterns.importers.kuma.world import Source, World
from mesh_patterns.model import INGRESS
from mesh_patterns.protocols import PROTOCOLS
from mesh_patterns.selector import MESH
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

MAX_MERGES = 1_000_000  # looks at an item for one caller of one service
CHECKS: Mapping[str, Callable[[Node, Source], None]] = {
    "MeshRetry": retries.check,
    "MeshTimeout": timeouts.check,
    "MeshCircuitBreaker": circuit_breakers.check,
    "MeshHealthCheck": health_checks.check,
    "MeshLoadBalancingStrategy": load_balancing.check,
}
Made = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Edge:
    """``on``, and the fields of each pattern there, by its name."""

    on: str
    patterns: Mapping[str, Node]


def patterns(found: Sequence[Item], world: World) -> list[Node]:
    """What all policies with ``to`` do."""
    made: list[Node] = []
    looks = 0
    for entry in list(world.catalog.entries.values()) if found else ():
        here = [item for item in found if item.service in (None, entry.name) and not item.route]
        looks += len(here) * (2 + len(_callers(here, entry, world)))
        if looks > MAX_MERGES:
            message = f"policies have to be merged more than {MAX_MERGES} times"
            raise DocumentError.at(here[0].node.place, message)
        if here:
            made += world.notes.collected(_of_entry(here, entry, world))
    return made


def read(by_kind: Mapping[str, Sequence[Source]]) -> list[Item]:
    """What policies of all kinds say, each under its kind."""
    found: list[Item] = []
    for kind, check in CHECKS.items():
        for item in items(policies(by_kind.get(kind, ()), ("to",)), ("default",)):
            item.policy.source.notes.guard(check, item.conf, item.policy.source)
            conf = Node({kind: item.conf}, item.conf.place)
            found.append(Item(item.policy, item.near, item.service, item.route, item.node, conf))
    return found


def routes(found: Iterable[Item]) -> dict[str, Node]:
    """What is said of single routes, by their names."""
    by_name: dict[str, list[Node]] = {}
    for item in found:
        if item.route:
            by_name.setdefault(item.route, []).append(item.conf)
    return {name: conf for name, confs in by_name.items() if (conf := merged(confs)) is not None}


def _callers(here: Sequence[Item], entry: Entry, world: World) -> list[str]:
    """Callers for whom something is said alone."""
    named = dict.fromkeys(name for item in here for name in item.policy.followers.services)
    entries = world.catalog.entries
    return [name for name in named if entry.name in entries[name].calls]


def _of_entry(here: Sequence[Item], entry: Entry, world: World) -> Iterator[Node]:
    base = _made(entry, (item for item in here if item.policy.followers.everybody))
    gateway = (i for i in here if i.policy.followers.ingress and i.service is None)
    at_ingress = _made(entry, gateway)
    if _same(base, at_ingress) or (entry.own and not at_ingress):
        yield from _nodes(_Edge(entry.name, base))
    else:
        yield from _nodes(_Edge(f"{MESH} -> {entry.name}", base))
        if entry.ingress:
            yield from _nodes(_Edge(f"{INGRESS} -> {entry.name}", at_ingress))
    for name in _callers(here, entry, world):
        own = _made(entry, (item for item in here if item.policy.followers.has(name)))
        other = {key: node for key, node in own.items() if not _same_node(node, base.get(key))}
        overriding = frozenset(base)
        yield from _nodes(_Edge(f"{name} -> {entry.name}", other), overriding)


def _same(one: Mapping[str, Node], other: Mapping[str, Node]) -> bool:
    return one.keys() == other.keys() and all(_same_node(n, other[k]) for k, n in one.items())


def _same_node(one: Node, other: Node | None) -> bool:
    return other is not None and one.plain() == other.plain()


def _nodes(edge: _Edge, overriding: frozenset[str] = frozenset()) -> Iterator[Node]:
    for name, fields in edge.patterns.items():
        more: Made = {"override": True} if name in overriding else {}
        made = {"pattern": name, "on": edge.on, **dict(fields.items()), **more}
        yield Node.of(made, fields.place)


def _made(entry: Entry, found: Iterable[Item]) -> dict[str, Node]:
    """The patterns that a merged configuration is."""
    conf = merged(item.conf for item in found)
    if conf is None:
        return {}
    made: dict[str, Made] = {}
    places: dict[str, Place] = {}
    for kind, part in conf.items():
        for name, fields in _PARTS[kind](part, entry):
            made[name] = made.get(name, {}) | fields
            places.setdefault(name, part.place)
    requests = PROTOCOLS[entry.protocol].requests
    kept = {name: f for name, f in made.items() if f and (requests or name not in _OF_REQUESTS)}
    return {name: Node.of(fields, places[name]) for name, fields in kept.items()}


_OF_REQUESTS = frozenset({"retries", "timeout"})
Parts = Iterator[tuple[str, Made]]


def _retries(conf: Node, entry: Entry) -> Parts:
    yield "retries", retries.fields(conf, entry)


def _timeouts(conf: Node, entry: Entry) -> Parts:
    yield "timeout", timeouts.after(conf)
    yield "connection_pool", timeouts.pool(conf, entry)


def _breakers(conf: Node, entry: Entry) -> Parts:
    yield "circuit_breaker", circuit_breakers.limits(conf)
    yield "outlier_detection", circuit_breakers.outliers(conf)
    yield "load_balancing", circuit_breakers.panic(conf)


def _checks(conf: Node, entry: Entry) -> Parts:
    yield "health_check", health_checks.fields(conf, entry)


def _balancing(conf: Node, entry: Entry) -> Parts:
    yield "load_balancing", load_balancing.fields(conf)


_PARTS: Mapping[str, Callable[[Node, Entry], Parts]] = {
    "MeshRetry": _retries,
    "MeshTimeout": _timeouts,
    "MeshCircuitBreaker": _breakers,
    "MeshHealthCheck": _checks,
    "MeshLoadBalancingStrategy": _balancing,
}
