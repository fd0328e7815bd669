"""Bulkheads: some of the requests to a service have limits and connections of their own.

Envoy: those requests have the priority HIGH, which has its own ``circuit_breakers.thresholds`` and
its own connections to each host, at the caller. What the others fill is not theirs, and the other
way round; nobody is served sooner. Envoy has these two classes and no more. A bulkhead between
services needs no pattern: a caller's limits are of each service apart (``circuit_breaker``).
<https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking>
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from pydantic import Field

from mesh_patterns.draft import HIGH, Draft, Edge, Match, Placed, Rule
from mesh_patterns.kinds import cluster_settings
from mesh_patterns.kinds.circuit_breaker import LimitsSpec
from mesh_patterns.matching import MatchSpec
from mesh_patterns.selector import edges
from mesh_yaml.place import DocumentError, Place, Problem
from mesh_yaml.spec import OneOrMore

MAX_MATCHES = 32  # each doubles the rules of its edges at most


class BulkheadSpec(LimitsSpec):
    """Give some requests a compartment of their own."""

    on: str = Field(description="service, or 'caller -> service'")
    when: OneOrMore[MatchSpec] = Field(
        [],
        max_length=MAX_MATCHES,
        description="which requests; without it those of rules with 'priority: high'",
    )


def apply(spec: BulkheadSpec, draft: Draft) -> None:
    found = edges(draft, spec.on, spec.place("on"))
    value = Placed(spec.meaning(), spec.place(), spec.override)
    cluster_settings.put_on(draft, found, None, "bulkhead", value)
    for edge in found:
        if spec.when:
            edge.rules[:0] = list(_compartment(spec, edge))
        elif not any("priority" in rule.settings for rule in edge.rules):
            message = f"{edge.caller!r} has no rule with 'priority: high' for {edge.callee!r}"
            problem = f"{message}, and no 'when': nothing is in this compartment"
            draft.warnings.append(Problem(spec.place(), problem, warning=True))


def _compartment(spec: BulkheadSpec, edge: Edge) -> Iterator[Rule]:
    """The edge's own rules once more, for these requests alone, and what is left of them."""
    for index, given in enumerate(spec.when):
        match, place = given.meaning(), spec.place("when", index)
        high = {"priority": Placed(HIGH, place)}
        for rule in edge.rules:
            if "priority" not in rule.settings:
                both = _both(match, rule, place)
                yield replace(rule, match=both, settings={**rule.settings, **high})
        if not edge.closed:
            yield Rule(match, place, settings=dict(high))


def _both(match: Match, rule: Rule, place: Place) -> Match:
    """What both match."""
    found: dict[str, Any] = {}
    for each in fields(Match):
        mine, theirs = getattr(match, each.name), getattr(rule.match, each.name)
        if isinstance(mine, tuple):
            found[each.name] = mine + theirs
        elif mine and theirs and mine != theirs:
            what = {"authority": "host"}.get(each.name, each.name)
            message = f"the rule at {rule.place} is about the {what} as well; give that one"
            raise DocumentError.at(place, f"{message} 'priority: high' instead")
        else:
            found[each.name] = mine or theirs
    return Match(**found)
