"""Which requests are in a compartment, and what can't be one; what Envoy does with it is in
compile/test_circuit_breakers.py.
"""

from __future__ import annotations

import pytest

from mesh_patterns.draft import Edge, Match
from mesh_patterns.policy import CircuitBreaker
from mesh_yaml.matching import StringMatch
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: {versions: {v1: , v2: }}}}\npatterns:\n"
GOLD = ("x-plan", StringMatch("exact", "gold"))


def high(edge: Edge) -> list[bool]:
    return ["priority" in rule.settings for rule in edge.rules]


def test_who_matches_is_in_it_and_everything_else_stays(read: Read) -> None:
    draft = read(
        MESH + "- {pattern: canary, on: web, weights: {v1: 90, v2: 10}}\n"
        "- {pattern: bulkhead, on: web, when: {headers: {x-plan: gold}}, max_requests: 2}"
    )
    edge = draft.edges["client", "web"]
    (rule,) = edge.rules
    assert rule.match == Match(headers=(GOLD,))
    assert (rule.split, edge.value(rule, "priority")) == ((), "high")  # the canary is the edge's
    assert edge.settings["bulkhead"].value == CircuitBreaker(max_requests=2)


def test_rules_hold_in_a_compartment_as_well(read: Read) -> None:
    draft = read(
        MESH + "- {pattern: route, on: web, rules: [{match: {path: /a}, to: v1}]}\n"
        "- {pattern: bulkhead, on: web, when: {headers: {x-plan: gold}}, max_requests: 2}"
    )
    edge = draft.edges["client", "web"]
    path = StringMatch("separated_prefix", "/a")
    both = Match(path=path, headers=(GOLD,))
    assert [rule.match for rule in edge.rules] == [both, Match(headers=(GOLD,)), Match(path=path)]
    assert high(edge) == [True, True, False]
    assert edge.rules[0].split == edge.rules[2].split


def test_what_no_rule_matches_is_not_there_in_a_compartment_either(read: Read) -> None:
    draft = read(
        MESH + "- {pattern: route, on: web, otherwise: not_found, rules: [{match: {path: /a}}]}\n"
        "- {pattern: bulkhead, on: web, when: [{headers: {x-plan: gold}}], max_requests: 2}"
    )
    assert high(draft.edges["client", "web"]) == [True, False]


def test_rules_may_say_themselves_who_is_in_it(read: Read) -> None:
    route = "- {pattern: route, on: web, rules: [{match: {path: /a}, priority: high}]}\n"
    limits = "- {pattern: bulkhead, on: web, max_connections: 2}"
    assert not read(MESH + route + limits).warnings
    (told,) = read(MESH + limits).warnings
    assert "'client' has no rule with 'priority: high' for 'web', and no 'when'" in str(told)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("when: {path: /a}", "3:3: limits nothing; expected at least one of max_requests, "),
        ("max_requests: -1", "3:46: max_requests: input should be greater than or equal to 0"),
        ("max_requests: 1, on: web/v1", "an edge ends at a service, not at a version: 'web/v1'"),
    ],
)
def test_what_no_bulkhead_can_be_is_refused(refusal: Refusal, options: str, told: str) -> None:
    on = "" if "on:" in options else "on: web, "
    assert told in refusal(f"{MESH}- {{pattern: bulkhead, {on}{options}}}")


def test_two_paths_are_no_match(refusal: Refusal) -> None:
    route = "- {pattern: route, on: web, rules: [{match: {path: /a}}]}\n"
    told = refusal(f"{MESH}{route}- {{pattern: bulkhead, on: web, when: {{path: /b}}, "
                   "max_requests: 1}")  # fmt: skip
    assert told.startswith("4:")
    assert "the rule at 3:37 is about the path as well; give that one 'priority: high'" in told


def test_two_of_one_edge_have_to_agree(refusal: Refusal) -> None:
    first = "- {pattern: bulkhead, on: web, when: {path: /a}, max_requests: 1}\n"
    assert "bulkhead is set here and, differently, at 3:3" in refusal(
        MESH + first + first.replace("/a", "/b").replace("max_requests: 1", "max_requests: 2")
    )
