"""AuthorizationPolicy: which requests a workload gets to see.

Istio's order: what a DENY is about is refused; then, where a workload has ALLOWs, what none of them
is about. All ALLOWs of a workload together are one list here, since of several of our patterns each
would have to let a request pass.
https://istio.io/latest/docs/concepts/security/#implicit-enablement
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.istio import accesses
from mesh_patterns.importers.istio.hosts_policies import pattern
from mesh_patterns.importers.istio.reading import Reading
from mesh_patterns.importers.istio.source import Source, World
from mesh_patterns.importers.istio.workloads import Choice, before, choice
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

DRY_RUN = "istio.io/dry-run"  # the annotation
MAX_RULES = 50_000  # of ours, before all services: each stands there once more
_ACTIONS = ("ALLOW", "DENY")
_TOLD = ("CUSTOM", "AUDIT")
_KNOWN = ("selector", "targetRef", "targetRefs", "action", "rules", "provider")


@dataclass(frozen=True, slots=True)
class Guard:
    """A policy that allows or denies: whom it stands before, and its rules."""

    source: Source
    choice: Choice
    action: str
    rules: tuple[Node, ...]
    dry_run: bool = False


def read(source: Source) -> Guard | None:
    """A policy; ``None``, told, where this mesh has nobody to ask, or nothing to stand before.

    Raises:
        DocumentError: of an action that there is none of.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    given = spec.get("action")
    action = given.text().upper() if given is not None and given.value else "ALLOW"
    if action in _TOLD:
        source.skip(f"an AuthorizationPolicy with action {action}", given or spec)
        return None
    if action not in _ACTIONS:
        place = (given or spec).place
        raise DocumentError.at(place, f"unknown action {action!r}, expected ALLOW or DENY")
    found = choice(source)
    if found.ingress and not found.services:
        source.skip("an AuthorizationPolicy of the ingress", spec.get("selector") or spec)
        return None
    dry = source.object.annotations.get(DRY_RUN)
    dry_run = dry is not None and dry.text().lower() == "true"
    return Guard(source, found, action, source.list("rules"), dry_run)


def patterns(guards: Sequence[Guard], world: World) -> list[Node]:
    """The patterns for all services that somebody stands before."""
    rules = _Rules(world)
    made: list[Node] = []
    left = MAX_RULES
    for entry in world.catalog.entries.values():
        near = [guard for guard in guards if entry.name in guard.choice.services]
        known = [(guard, rules.of(guard, entry.container_port)) for guard in near]
        left -= sum(1 + len(found) for _, found in known)
        if left < 0:
            place = known[0][0].source.object.place
            message = f"the policies are more than {MAX_RULES} rules before all services together"
            raise DocumentError.at(place, message)
        made += _of_entry(entry, known, world) if known else ()
    return made


@dataclass(slots=True)
class _Rules:
    """What policies are about, read once for each port of a workload."""

    world: World
    _found: dict[tuple[int, int | None], Sequence[Node]] = field(default_factory=dict)

    def of(self, guard: Guard, port: int | None) -> Sequence[Node]:
        key = (id(guard), port)
        if key not in self._found:
            reading = Reading(guard.source, guard.action, port)
            made = self.world.notes.guard(accesses.of_policy, reading, guard.rules)
            self._found[key] = made or ()
        return self._found[key]


Known = Sequence[tuple[Guard, Sequence[Node]]]  # with what its rules are about


def _of_entry(entry: Entry, near: Known, world: World) -> Iterator[Node]:
    for on, found in before(entry, near, lambda each: each[0].choice, world.catalog):
        yield from _before(on, found)


def _before(on: str, guards: Known) -> Iterator[Node]:
    for dry_run in (False, True):
        found = [each for each in guards if each[0].dry_run == dry_run]
        fields: dict[str, Any] = {}
        for action in ("DENY", "ALLOW"):
            mine = [each for each in found if each[0].action == action]
            rules = [access for _, found_ in mine for access in found_]
            if rules or (mine and action == "ALLOW"):
                fields[action.lower()] = Node(tuple(rules), mine[0][0].source.object.place)
        if fields:
            place = found[0][0].source.object.place
            more = {"dry_run": True} if dry_run else {}
            yield pattern("authorization", on, fields | more, Node(None, place))
