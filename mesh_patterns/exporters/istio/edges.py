"""What of an edge Istio can say: VirtualServices have its rules, DestinationRules its hosts.

A VirtualService is for the sidecars of all callers, some of its rules for callers with certain
labels. So is a DestinationRule; but nobody has labels at the ingress.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mesh_patterns.draft import CLUSTER, Draft, Edge, Match, Placed, Respond, Rule
from mesh_patterns.exporters import rules
from mesh_patterns.exporters.fitting import tell_cluster, words
from mesh_patterns.exporters.istio import hosts
from mesh_patterns.exporters.istio.texts import fit_rule
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import OUTSIDE, Known
from mesh_patterns.model import CLIENT, INGRESS

KINDS = frozenset({"exact", "prefix", "regex", "present"})
WORDS = rules.Words(
    path=KINDS - {"present"}, method=KINDS, headers=KINDS, query=KINDS, host=KINDS,
    invert=True, ignore_case=True,
    settings=frozenset(
        {
            "timeout", "retries", "fault", "mirror", "headers", "rewrite", "redirect", "respond",
            "cors",
        }
    ),
)  # fmt: skip

Said = Mapping[str | None, Mapping[str, Placed[Any]]]  # of the cluster, and by version


def fit(draft: Draft, made: Draft, known: Known, losses: Losses) -> None:
    """Everything on the edges to a service."""
    found = draft.edges_to(known.service.name)
    inside = [edge for edge in found if edge.caller not in OUTSIDE]
    if known.service.requests:
        plain = all(rules.is_plain(draft, edge, known) for edge in inside)
        for edge in found:
            goal = made.edges.get((edge.caller, edge.callee))
            alone = rules.is_plain(draft, edge, known) if edge.caller == INGRESS else plain
            if goal is not None and not alone:
                goal.rules = _rules(draft, edge, known, losses)
                goal.closed = True
    else:
        losses.all_lost("a split of connections", (e.split.place for e in found if e.split))
    _fit_hosts(made, found, known, losses)


def _rules(draft: Draft, edge: Edge, known: Known, losses: Losses) -> list[Rule]:
    """The rules of one caller. Where they are all there is, what is left is not found."""
    found = [
        fitted
        for rule in rules.explicit(draft, edge, known, losses)
        for part in rules.fit(rule, WORDS, losses)
        for fitted in fit_rule(part, losses)
    ]
    if edge.closed and (not found or found[-1].match):
        nothing = {"respond": Placed(Respond(404), edge.place)}
        found.append(Rule(Match(), edge.place, settings=nothing))
    return found


def _fit_hosts(made: Draft, found: list[Edge] | Any, known: Known, losses: Losses) -> None:
    client = next((edge for edge in found if edge.caller == CLIENT), None)
    for edge in found:
        goal = made.edges.get((edge.caller, edge.callee))
        source = edge
        if edge.caller == INGRESS and client is not None:
            source = client
            _tell_ingress(edge, client, losses)
        if goal is not None:
            tell_cluster(edge, losses, hosts.KNOWN)
            said = _hosts(source, known, losses)
            goal.settings.update(said[None])
            goal.versions = {v: dict(each) for v, each in said.items() if v is not None}


def _hosts(edge: Edge, known: Known, losses: Losses) -> Said:
    """What is said of the service's hosts, and, whole, of those of a version."""
    whole: dict[str | None, Mapping[str, Placed[Any]]] = {
        None: hosts.fit(edge.of_cluster(None), known.service, None, losses)
    }
    for version in edge.versions:
        whole[version] = hosts.fit(edge.of_cluster(version), known.service, version, losses)
    return whole


def _tell_ingress(edge: Edge, client: Edge, losses: Losses) -> None:
    """What is said of the ingress alone, and what is said of all but the ingress."""
    for version in (None, *edge.versions, *client.versions):
        here, there = edge.of_cluster(version), client.of_cluster(version)
        for name in CLUSTER:
            one, other = here.get(name), there.get(name)
            if (one and one.value) != (other and other.value):
                for placed in filter(None, (one, other)):
                    what = f"{words(name)} of the ingress alone, or of all others"
                    losses.lost(what, placed.place)
