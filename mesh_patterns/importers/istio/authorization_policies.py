"""AuthorizationPolicy: which requests a workload gets to see.

Istio's order: what a CUSTOM is about somebody is asked; what a DENY is about is refused; then,
where a workload has ALLOWs, what none of them is about. An AUDIT only counts. All ALLOWs of a
workload together are one list here, since of several of our patterns each would have to let a
request pass.
https://istio.io/latest/docs/concepts/security/#implicit-enablement
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import needed
from mesh_patterns.importers.istio import accesses, ext_authz_providers
from mesh_patterns.importers.istio.hosts_policies import pattern
from mesh_patterns.importers.istio.reading import Reading
from mesh_patterns.importers.istio.source import Source, World
from mesh_patterns.importers.istio.workloads import Choice, before, choice
from mesh_patterns.importers.notes import listed
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

DRY_RUN = "istio.io/dry-run"  # the annotation
MAX_RULES = 50_000  # of ours, before all services: each stands there once more
_ACTIONS = ("ALLOW", "DENY", "AUDIT", "CUSTOM")
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
    if action not in _ACTIONS:
        wanted = f"expected {listed(_ACTIONS)}"
        raise DocumentError.at((given or spec).place, f"unknown action {action!r}, {wanted}")
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
    for entry in [*world.catalog.entries.values()]:  # a provider may be made up meanwhile
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
    for guard, rules in guards:
        if guard.action in _BY_THEMSELVES and rules:
            yield _BY_THEMSELVES[guard.action](on, guard, rules)
    for dry_run in (False, True):
        found = [each for each in guards if each[0].dry_run == dry_run]
        fields: dict[str, Any] = {}
        for action in ("DENY", "ALLOW"):
            mine = [each for each in found if each[0].action == action]
            whole = [access for _, about in mine for access in about]
            if whole or (mine and action == "ALLOW"):
                fields[action.lower()] = Node(tuple(whole), mine[0][0].source.object.place)
        if fields:
            place = found[0][0].source.object.place
            more = {"dry_run": True} if dry_run else {}
            yield pattern("authorization", on, fields | more, Node(None, place))


def _audited(on: str, guard: Guard, rules: Sequence[Node]) -> Node:
    """What it is about is counted, as what would be denied."""
    place = Node(None, guard.source.object.place)
    return pattern("authorization", on, {"deny": [*rules], "dry_run": True}, place)


def _asked(on: str, guard: Guard, rules: Sequence[Node]) -> Node:
    """Somebody is asked about the requests of a rule. Where nobody is known by the provider's name
    they are refused, as in Istio.
    """
    source, place = guard.source, Node(None, guard.source.object.place)
    provider = source.object.spec.get("provider") or source.object.spec
    name = needed(provider, "name", "a provider")
    fields = ext_authz_providers.asked(name, source)
    if fields is None:
        message = f"no extension provider {name.text()!r} in the given files: its requests are"
        source.notes.warn(name.place, f"{message} denied, as in Istio")
        return pattern("authorization", on, {"deny": [*rules]}, place)
    if all(rule.value for rule in rules):
        fields["only"] = [*rules]
    if guard.dry_run:
        fields["dry_run"] = True
    return pattern("ext_authz", on, fields, place)


_BY_THEMSELVES = {"CUSTOM": _asked, "AUDIT": _audited}  # a pattern for each policy
