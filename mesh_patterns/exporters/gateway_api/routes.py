"""HTTPRoutes and the Gateway that some of them are attached to.

https://gateway-api.sigs.k8s.io/reference/spec/#httproute
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mesh_patterns.compile.hosts import ingress_hosts
from mesh_patterns.draft import Draft, Match, Rule, Target, Weighted
from mesh_patterns.exporters.gateway_api import filters
from mesh_patterns.exporters.gateway_api.filters import backend
from mesh_patterns.exporters.rules import duration
from mesh_patterns.exporters.services import Known
from mesh_patterns.importers.gateway_api.rules import RETRY_ON
from mesh_patterns.importers.objects import DEFAULT_NAMESPACE
from mesh_patterns.model import CLIENT, INGRESS
from mesh_yaml.matching import StringMatch

Made = dict[str, Any]
API = "gateway.networking.k8s.io/v1"
GATEWAY = "ingress"
MOST_RULES = 16  # of one HTTPRoute
_TYPES = {
    "exact": "Exact", "separated_prefix": "PathPrefix", "regex": "RegularExpression"
}  # fmt: skip


def written(draft: Draft, known: Sequence[Known]) -> list[Made]:
    """The Gateway, its routes, then those of the callers of services."""
    names = {each.service.name: each for each in known}
    made = list(_at_ingress(draft, names))
    for each in known:
        edge = draft.edges[CLIENT, each.service.name]
        if edge.closed:
            parent = {"group": "", "kind": "Service", "name": each.name}
            own = edge.rules[len(each.parts) :]
            made += _routes(each, each.name, {"parentRefs": [parent]}, own, names)
    return made


def _at_ingress(draft: Draft, names: dict[str, Known]) -> Iterator[Made]:
    """A listener for each name, so that no other name's routes see its requests."""
    edges = [edge for (caller, _), edge in draft.edges.items() if caller == INGRESS]
    listeners: list[Made] = []
    routes: list[Made] = []
    for number, host in enumerate(ingress_hosts(draft, edges)):
        first = names[host.rows[0].edge.callee]
        parents = []
        for domain in (each for each in host.domains if not each.endswith(":*")):
            listener = _listener(len(listeners), domain)
            listeners.append(listener)
            parents.append({"name": GATEWAY, "sectionName": listener["name"]} | _far(first))
        own = [
            row.rule if row.edge.closed else _whole(row.edge.callee, row.rule) for row in host.rows
        ]
        title = f"{GATEWAY}-{first.name}" + (f"-{number + 1}" if number else "")
        routes += _routes(first, title, {"parentRefs": parents}, own, names)
    if listeners:
        spec = {"gatewayClassName": "istio", "listeners": listeners}
        yield {"apiVersion": API, "kind": "Gateway", "metadata": {"name": GATEWAY}, "spec": spec}
    yield from routes


def _far(known: Known) -> Made:
    near = known.namespace == DEFAULT_NAMESPACE
    return {} if near else {"namespace": DEFAULT_NAMESPACE}


def _listener(number: int, domain: str) -> Made:
    made: Made = {"name": f"http-{number + 1}", "protocol": "HTTP", "port": 80}
    if domain != "*":
        made["hostname"] = domain
    return made | {"allowedRoutes": {"namespaces": {"from": "All"}}}


def _whole(callee: str, rule: Rule) -> Rule:
    return Rule(Match(), rule.place, split=(Weighted(Target(callee), 100, rule.place),))


def _routes(
    known: Known, name: str, head: Made, rules: Sequence[Rule], names: dict[str, Known]
) -> Iterator[Made]:
    """As many as it takes; of two of one age the first by name comes first."""
    for number, start in enumerate(range(0, max(len(rules), 1), MOST_RULES)):
        mine = rules[start : start + MOST_RULES]
        label = name if not number else f"{name}-{number + 1:03}"
        spec = {**head, "rules": [_rule(rule, known, names) for rule in mine]}
        yield {
            "apiVersion": API, "kind": "HTTPRoute", "metadata": known.metadata(label), "spec": spec
        }  # fmt: skip


def _rule(rule: Rule, known: Known, names: dict[str, Known]) -> Made:
    made: Made = {}
    if match := _match(rule.match):
        made["matches"] = [match]
    if found := filters.written(rule, known, names):
        made["filters"] = found
    if rule.split:
        several = len(rule.split) > 1
        made["backendRefs"] = [_share(share, several, known, names) for share in rule.split]
    return made | _times(rule)


def _share(share: Weighted, several: bool, known: Known, names: dict[str, Known]) -> Made:
    made = backend(share.target, known, names)
    if several:
        made["weight"] = share.weight
    if share.headers is not None:
        made["filters"] = list(filters.headers(share.headers))
    return made


def _match(match: Match) -> Made:
    made: Made = {}
    if match.path is not None:
        made["path"] = {"type": _TYPES[match.path.kind], "value": match.path.text}
    if match.method is not None:
        made["method"] = match.method.text
    for theirs, fields in (("headers", match.headers), ("queryParams", match.query)):
        if fields:
            made[theirs] = [_field(name, found) for name, found in fields]
    return made


def _field(name: str, match: StringMatch) -> Made:
    return {"type": _TYPES[match.kind], "name": name, "value": match.text}


def _times(rule: Rule) -> Made:
    settings = {name: placed.value for name, placed in rule.settings.items()}
    timeouts: Made = {}
    made: Made = {}
    if (whole := settings.get("timeout")) is not None:
        timeouts["request"] = duration(whole)
    if (retries := settings.get("retries")) is not None:
        codes = [int(each) for each in retries.retry_on if each not in RETRY_ON]
        made["retry"] = {"codes": codes} if codes else {}
        made["retry"]["attempts"] = retries.attempts
        if retries.backoff is not None:
            made["retry"]["backoff"] = duration(retries.backoff[0])
        if retries.per_try_timeout is not None:
            timeouts["backendRequest"] = duration(retries.per_try_timeout)
    return ({"timeouts": timeouts} if timeouts else {}) | made
