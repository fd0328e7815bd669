"""VirtualServices: the rules of callers, and those of the ingress by host.

https://istio.io/latest/docs/reference/config/networking/virtual-service/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mesh_patterns.compile.hosts import ingress_hosts
from mesh_patterns.draft import Draft, Edge, Match, Rule, Target, Weighted
from mesh_patterns.exporters.istio import settings
from mesh_patterns.exporters.istio.gateways import NAME
from mesh_patterns.exporters.rules import same
from mesh_patterns.exporters.services import OUTSIDE, Known
from mesh_patterns.importers.objects import DEFAULT_NAMESPACE
from mesh_patterns.model import CLIENT, INGRESS

Made = dict[str, Any]
API = "networking.istio.io/v1"


def written(draft: Draft, known: Sequence[Known]) -> list[Made]:
    """Those of the sidecars, then those of the ingress."""
    names = {each.service.name: each for each in known}
    made = [found for each in known if (found := _of_callers(draft, each, names))]
    return [*made, *_at_ingress(draft, names)]


def own(edge: Edge, known: Known) -> list[Rule]:
    """The rules of a fitted edge but those of parts, which are there by their Services."""
    return edge.rules[len(known.parts) :]


def apart(draft: Draft, known: Known) -> Mapping[str, list[Rule]]:
    """The callers who do something else than all others do, and what."""
    edges = draft.edges_to(known.service.name)
    rest = own(draft.edges[CLIENT, known.service.name], known)
    found = {e.caller: own(e, known) for e in edges if e.caller not in (*OUTSIDE, CLIENT)}
    return {name: rules for name, rules in found.items() if not same(rules, rest)}


def _of_callers(draft: Draft, known: Known, names: Mapping[str, Known]) -> Made | None:
    client = draft.edges[CLIENT, known.service.name]
    if not client.closed:
        return None
    http = [
        _rule(rule, names, names[caller].labels())
        for caller, rules in apart(draft, known).items()
        for rule in rules
    ]
    http += [_rule(rule, names) for rule in own(client, known)]
    return {
        "apiVersion": API, "kind": "VirtualService", "metadata": known.metadata(),
        "spec": {"hosts": [known.host], "http": http},
    }  # fmt: skip


def _at_ingress(draft: Draft, names: Mapping[str, Known]) -> Iterator[Made]:
    edges = [edge for (caller, _), edge in draft.edges.items() if caller == INGRESS]
    for number, host in enumerate(ingress_hosts(draft, edges)):
        first = names[host.rows[0].edge.callee]
        hosts = [domain for domain in host.domains if not domain.endswith(":*")]
        name = f"ingress-{first.name}" if number == 0 else f"ingress-{first.name}-{number + 1}"
        http = [
            _rule(row.rule, names) if row.edge.closed else _rule(_to(row.edge), names)
            for row in host.rows
        ]
        far = first.namespace != DEFAULT_NAMESPACE
        yield {
            "apiVersion": API, "kind": "VirtualService", "metadata": first.metadata(name),
            "spec": {
                "hosts": hosts, "gateways": [f"{DEFAULT_NAMESPACE}/{NAME}" if far else NAME],
                "http": http,
            },
        }  # fmt: skip


def _to(edge: Edge) -> Rule:
    """The rule of an edge of which nothing is said."""
    return Rule(Match(), edge.place, split=(Weighted(Target(edge.callee), 100, edge.place),))


def _rule(rule: Rule, names: Mapping[str, Known], labels: Mapping[str, str] | None = None) -> Made:
    made: Made = {}
    match = settings.match(rule.match)
    if labels:
        match["sourceLabels"] = dict(labels)
    if match:
        made["match"] = [match]
    if rule.split:
        made["route"] = list(_routes(rule.split, names))
    return made | settings.written(rule, names)


def _routes(split: Iterable[Weighted], names: Mapping[str, Known]) -> Iterator[Made]:
    several = len(tuple(split)) > 1
    for share in split:
        made: Made = {"destination": settings.destination(share.target, names)}
        if several:
            made["weight"] = share.weight
        if share.headers is not None:
            made["headers"] = settings.headers(share.headers)
        yield made
