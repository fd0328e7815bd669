"""The discovery chain: router, then splitter, then resolver, from a name to instances.

A router's destination goes on at the splitter of its service, unless it names a subset; a split at
the splitter of another; both end at resolvers, which redirect, and choose a subset.
https://developer.hashicorp.com/consul/docs/connect/manage-traffic/discovery-chain
"""

from __future__ import annotations

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from mesh_patterns.importers import backends
from mesh_patterns.importers.consul import headers, subsets
from mesh_patterns.importers.consul.world import Source, World
from mesh_patterns.importers.fields import needed, text
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_SPLIT = (
    "weight", "service", "serviceSubset", "namespace", "partition", "requestHeaders",
    "responseHeaders",
)  # fmt: skip
MAX_SPLITS = 200  # that splits of splits come to
MAX_STEPS = 50  # from one name to the next
ELSEWHERE = ("namespace", "partition", "datacenter", "peer", "samenessGroup")


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a name ends: at targets, which may be none, by the resolver of ``service``."""

    service: str
    targets: tuple[str, ...]
    chosen: bool = False  # whether somebody chose among the service's instances


@dataclass(frozen=True, slots=True)
class Leg:
    """A share of the requests."""

    share: Fraction
    end: Resolved
    node: Node
    edits: dict[str, Any] | None = None


def resolve(name: Node, subset: str, world: World, path: tuple[str, ...] = ()) -> Resolved:
    """The instances that a service's resolver chooses.

    Raises:
        DocumentError: resolvers redirect in a circle, or name a subset that there is not.
    """
    service = name.text()
    if service in path:
        circle = " → ".join([*path, service])
        raise DocumentError.at(name.place, f"resolvers redirect in a circle: {circle}")
    _check(path, MAX_STEPS, name)
    source = world.resolvers.get(service)
    if source is None and not subset:
        return Resolved(service, _whole(name, world), bool(path))
    spec = source.object.spec if source is not None else Node(None, name.place)
    redirect = spec.get("redirect")
    if redirect is not None and redirect.value and (to := text(redirect, "service")):
        if to != service:
            onward = Node(to, needed(redirect, "service", "a redirect").place)
            return resolve(onward, text(redirect, "serviceSubset"), world, (*path, service))
        subset = text(redirect, "serviceSubset", subset)
    default = text(spec, "defaultSubset")
    chosen = subset or default
    if not chosen or (chosen == default and _falls_over(spec, default)):
        return Resolved(service, _whole(name, world), bool(path))
    return Resolved(service, _subset(name, chosen, spec, world), True)


def _falls_over(spec: Node, default: str) -> bool:
    """Whether other instances of the service take over: hosts of all of it, in their order."""
    failover = spec.get("failover")
    plan = (failover.get(default) or failover.get("*")) if failover is not None else None
    return plan is not None and bool(plan.value)


def _whole(name: Node, world: World) -> tuple[str, ...]:
    return backends.targets(name, "default", world.catalog)


def _subset(name: Node, chosen: str, spec: Node, world: World) -> tuple[str, ...]:
    catalog = world.catalog
    entry = catalog.lookup(name.text(), "default")
    if entry is None and catalog.described:
        return ()
    entry = entry or catalog.find(name, "default")
    named = spec.get("subsets")
    node = named.get(chosen) if named is not None else None
    if node is None:
        message = f"the resolver of {name.text()!r} has no subset {chosen!r}"
        raise DocumentError.at(name.place, message)
    found = subsets.versions(entry, chosen, node, world)
    if not found:
        place = node.key or node.place
        message = f"no workload of {entry.name!r} is in subset {chosen!r}: answered with 503"
        world.notes.warn(place, message)
    return tuple(f"{entry.name}/{version}" if version else entry.name for version in found)


def legs(name: Node, world: World, path: tuple[str, ...] = ()) -> list[Leg]:
    """Where requests for a service go: by its splitter, or at once by its resolver.

    Raises:
        DocumentError: splitters split in a circle, or their weights are no whole.
    """
    source = world.splitters.get(name.text())
    if source is None:
        return [Leg(Fraction(1), resolve(name, "", world), name)]
    if name.text() in path:
        circle = " → ".join([*path, name.text()])
        raise DocumentError.at(name.place, f"splitters split in a circle: {circle}")
    _check(path, MAX_STEPS, name)
    found: list[Leg] = []
    for leg in _split(source, name, world, (*path, name.text())):
        found.append(leg)
        _check(found, MAX_SPLITS, name)
    return [leg for leg in found if leg.share]


def _check(found: Sized, most: int, name: Node) -> None:
    if len(found) > most:
        message = f"the chain of {name.text()!r} comes to more than {most}"
        raise DocumentError.at(name.place, message)


def _split(source: Source, name: Node, world: World, path: tuple[str, ...]) -> Iterator[Leg]:
    nodes = source.list("splits")
    weights = [_weight(node) for node in nodes]
    if sum(weights) != 100:
        place = source.object.spec.get("splits") or Node(None, source.object.place)
        message = f"weights add up to {float(sum(weights)):g}, expected 100"
        raise DocumentError.at(place.place, message)
    for node, weight in zip(nodes, weights, strict=True):
        source.notes.leftovers(node, _SPLIT, source.owner, "splits.")
        edits = headers.edits(node, source)
        given, subset = node.get("service"), text(node, "serviceSubset")
        other = given if given is not None and given.value else Node(name.text(), node.place)
        if subset or other.text() == name.text():
            yield Leg(weight / 100, resolve(other, subset, world), node, edits)
            continue
        for leg in legs(other, world, path):
            yield Leg(leg.share * weight / 100, leg.end, node, edits or leg.edits)


def _weight(node: Node) -> Fraction:
    given = node.get("weight") or Node(0, node.place)
    value = given.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        message = f"a weight is a percentage up to 100, got {given.kind}"
        raise DocumentError.at(given.place, message)
    return Fraction(round(value * 100), 100)


def is_plain(found: list[Leg], name: str) -> bool:
    """Whether a service is reached as if nobody had said anything of it."""
    return len(found) == 1 and not found[0].end.chosen and found[0].edits is None


def rules(found: list[Leg], made: dict[str, Any], node: Node) -> Iterator[Node]:
    """Rules for these shares, and before them one for the share that leads nowhere."""
    there = [leg for leg in found if leg.end.targets]
    lost = sum((leg.share for leg in found if not leg.end.targets), Fraction(0))
    if lost:
        match = {**made.get("match", {}), **({"percent": float(lost * 100)} if there else {})}
        answer = {"respond": {"status": 503}}
        yield Node.of({"match": match, **answer} if match else answer, node.place)
    if there:
        yield Node.of({**made, "to": _to(there)}, node.place)


def _to(found: list[Leg]) -> dict[str, Any]:
    """Weights as small as they come: percent, if they are whole ones."""
    whole = lcm(*((leg.share * 100).denominator for leg in found))
    numbers = [int(leg.share * 100 * whole) for leg in found]
    if len(found) == 1:
        numbers = [numbers[0] // gcd(*numbers) * 100]
    shares = [(n, leg.end.targets, leg.node) for n, leg in zip(numbers, found, strict=True)]
    to: dict[str, Any] = {**backends.shared(shares)}
    for leg in found:
        for name in leg.end.targets if leg.edits else ():
            to[name] = {"weight": to[name], "headers": leg.edits}
    return to
