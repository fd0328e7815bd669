"""Cutting a draft down: what several dialects leave out, each with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from mesh_patterns.draft import CLUSTER, Draft, Edge, Filter, Placed, Rule
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import OUTSIDE, Known, alike
from mesh_yaml.place import Place


def keep_parts(made: Draft, known: Iterable[Known]) -> None:
    """Names for some versions lead there, whoever calls; they come before all other rules."""
    for each in known:
        rules = [part_rule(each, number) for number in range(len(each.parts))]
        for edge in made.edges_to(each.service.name) if rules else ():
            if edge.caller not in OUTSIDE:
                edge.rules[:0] = rules


def part_rule(each: Known, number: int) -> Rule:
    """The rule under the names of a part, as an import has it: all its versions have one share."""
    rule = each.parts[number].rule
    split = tuple(replace(share, weight=1) for share in rule.split)
    return replace(rule, split=split, settings={})


def own_rules(edge: Edge, known: Known) -> list[Rule]:
    """The rules of an edge but those for names of some versions, which are Services."""
    return [rule for rule in edge.rules if not any(alike(rule, part.rule) for part in known.parts)]


def tell_edges(
    draft: Draft, losses: Losses, known: Iterable[Known], kept: Collection[str] = ()
) -> None:
    """Everything that callers do but the settings that are ``kept``."""
    there = {each.service.name: each for each in known}
    for edge in draft.edges.values():
        callee = there.get(edge.callee)
        rules = own_rules(edge, callee) if callee else edge.rules
        for place, what in _said(edge, rules, kept):
            losses.lost(what, place)


def tell_gone(draft: Draft, made: Draft, losses: Losses) -> None:
    """Everything on edges that are not there any more: to the world outside, and from its gate."""
    for ends, edge in draft.edges.items():
        for place, what in _said(edge, edge.rules, ()) if ends not in made.edges else ():
            losses.lost(f"{what} on '{edge.caller} -> {edge.callee}'", place)


def tell_edge(edge: Edge, known: Known, losses: Losses) -> None:
    """Everything on one edge."""
    for place, what in _said(edge, own_rules(edge, known), ()):
        losses.lost(what, place)


def _said(edge: Edge, rules: Sequence[Rule], kept: Collection[str]) -> Iterator[tuple[Place, str]]:
    yield from ((rule.place, "a rule") for rule in rules)
    if edge.split:
        yield edge.split.place, "a split"
    for settings in (edge.settings, *edge.versions.values()):
        yield from (
            (placed.place, words(name)) for name, placed in settings.items() if name not in kept
        )


def words(name: str) -> str:
    """``circuit_breaker`` for people who read."""
    return name.replace("_", " ")


def tell_cluster(edge: Edge, losses: Losses, kept: Collection[str] = ()) -> None:
    """The settings of an edge's cluster, and of its versions', but those that are ``kept``."""
    for settings in (edge.settings, *edge.versions.values()):
        for name, placed in settings.items():
            if name in CLUSTER and name not in kept:
                losses.lost(words(name), placed.place)


def tell_filters(filters: Iterable[Filter], losses: Losses) -> None:
    for each in filters:
        losses.lost(words(each.kind), each.place)


def tell_other_filters(draft: Draft, made: Draft, losses: Losses, kinds: Collection[str]) -> None:
    """All filters but those of ``kinds`` on edges that are there, which are in rules."""
    there = (e for e in draft.filters if not (e.kind in kinds and e.edge in made.edges))
    tell_filters(there, losses)


def finish_routes(
    draft: Draft, made: Draft, known: Iterable[Known], losses: Losses, kinds: Collection[str]
) -> None:
    """The last of a dialect that has routes alone: ``kinds`` are the filters that rules hold."""
    tell_gone(draft, made, losses)
    keep_parts(made, known)
    tell_other_filters(draft, made, losses, kinds)
    losses.all_lost("mtls", (each.place for each in draft.mtls.values()))
    tell_rest(draft, losses)


def tell_but_routes(draft: Draft, known: Known, losses: Losses) -> None:
    """What callers of a service do besides sending requests by rules."""
    for edge in draft.edges_to(known.service.name):
        tell_cluster(edge, losses)
        if not known.service.requests and edge.split:
            losses.lost("a split of connections", edge.split.place)


def tell_rest(draft: Draft, losses: Losses) -> None:
    """What is said of the whole mesh, and of what is told of its requests."""
    for name, found in _rest(draft):
        losses.lost(name, found.place)


def _rest(draft: Draft) -> Iterator[tuple[str, Placed[Any]]]:
    for logs in draft.logs.values():
        yield from (("access log", each) for each in logs)
    tables = {
        "tracing": draft.traces, "hardening": draft.hardened, "objective": draft.objectives
    }  # fmt: skip
    for name, table in tables.items():
        yield from ((name, each) for each in table.values())
    yield from (("the steps of a canary", each) for each in draft.rollouts)
    if draft.trust_domain:
        yield "the trust domain", draft.trust_domain
    if draft.certificate_life:
        yield "how long certificates last", draft.certificate_life
