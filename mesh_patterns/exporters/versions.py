"""Dialects in which all callers do the same, and a version is reached by a Service of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from mesh_patterns.draft import CLUSTER, Draft, Edge, Match, Placed, Rule, Target, Weighted
from mesh_patterns.exporters import rules
from mesh_patterns.exporters.fitting import own_rules
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import OUTSIDE, Known, Part
from mesh_patterns.importers.catalog import hosts_of
from mesh_patterns.model import CLIENT
from mesh_yaml.place import Place

Fit = Callable[[Rule], Iterable[Rule]]


def common(draft: Draft, known: Known, losses: Losses) -> list[Rule] | None:
    """What all callers in the mesh do, or what the services do if only they agree, or else what the
    client does; ``None``: nothing is said. What others do is told.
    """
    edges = [e for e in draft.edges_to(known.service.name) if e.caller not in OUTSIDE]
    if all(rules.is_plain(draft, edge, known) for edge in edges):
        return None
    found = {e.caller: rules.explicit(draft, e, known, losses) for e in edges}
    inside = [each for caller, each in found.items() if caller != CLIENT]
    agreed = bool(inside) and all(rules.same(each, inside[0]) for each in inside)
    chosen = inside[0] if agreed else found[CLIENT]
    if not rules.same(chosen, found[CLIENT]):
        losses.changed("what one caller does all do there", chosen[0].place)
    kept = set(_places(chosen))
    for edge in edges:
        for place in _said(draft, edge, known):
            if place not in kept:
                losses.lost("what some callers do", place)
    return chosen


def is_closed(draft: Draft, known: Known) -> bool:
    """Whether there are callers for whom the rules are all there is."""
    edges = draft.edges_to(known.service.name)
    return any(edge.closed for edge in edges if edge.caller not in OUTSIDE)


def _said(draft: Draft, edge: Edge, known: Known) -> Iterator[Place]:
    yield from _places(own_rules(edge, known))
    yield from (each.place for name, each in edge.settings.items() if name not in CLUSTER)
    yield from (each.place for each in draft.filters_on(edge) if each.kind in rules.OF_RULES)
    if edge.split:
        yield from (share.place for share in edge.split.value)


def _places(found: Iterable[Rule]) -> Iterator[Place]:
    for rule in found:
        yield rule.place
        yield from (placed.place for placed in rule.settings.values())
        yield from (share.place for share in rule.split)


def whole(split: Sequence[Weighted], names: dict[str, Known]) -> tuple[Weighted, ...]:
    """Targets, of which a service's only version is the service."""
    return tuple(replace(share, target=whole_target(share.target, names)) for share in split)


def whole_target(target: Target, names: dict[str, Known]) -> Target:
    """A version, or its service where that has no other."""
    alone = len(names[target.service].service.versions) < 2
    return Target(target.service) if alone else target


def with_used(known: Iterable[Known], rules: Iterable[Sequence[Rule]]) -> list[Known]:
    """All services, with names for the versions that rules lead to."""
    used = [target for each in rules for target in targets(each)]
    return [
        with_parts(each, dict.fromkeys(
            t.version for t in used if t.service == each.service.name and t.version))
        for each in known
    ]  # fmt: skip


def with_parts(known: Known, used: Iterable[str]) -> Known:
    """The service with a name for each of these versions, as far as there is none."""
    there = {part.versions for part in known.parts}
    more = tuple(_part(known, name) for name in used if (name,) not in there)
    return replace(known, parts=(*known.parts, *more))


def _part(known: Known, version: str) -> Part:
    name = f"{known.name}-{version}"
    hosts = tuple(host.lower() for host in (name, *hosts_of(name, known.namespace)))
    place = known.service.place
    split = (Weighted(Target(known.service.name, version), 1, place),)
    return Part(name, known.namespace, (version,), Rule(Match(), place, hosts, split))


def targets(found: Iterable[Rule]) -> Iterator[Target]:
    """Where rules lead, and where copies go."""
    for rule in found:
        yield from (share.target for share in rule.split)
        copies: Placed[tuple[object, ...]] | None = rule.settings.get("mirror")
        for copy in copies.value if copies else ():
            yield copy.target  # type: ignore[attr-defined]


def name_of(target: Target, names: dict[str, Known]) -> tuple[str, str]:
    """The Service that stands for a target, and its namespace."""
    known = names[target.service]
    for part in known.parts:
        if target.version and part.versions == (target.version,):
            return part.name, part.namespace
    return known.name, known.namespace
