"""Gateway API: HTTPRoutes at Services and at a Gateway. All else is lost: it is about routes.

https://gateway-api.sigs.k8s.io/reference/spec/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mesh_patterns.draft import Draft, Rule
from mesh_patterns.exporters import fitting, kubernetes, rules, services, versions
from mesh_patterns.exporters.gateway_api import routes
from mesh_patterns.exporters.gateway_api.order import ordered
from mesh_patterns.exporters.gateway_api.texts import WORDS, fit_rule
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import Known
from mesh_patterns.model import INGRESS, Mesh

Document = dict[str, Any]


def documents(draft: Draft, losses: Losses, folder: Path) -> list[Document]:
    """The mesh's services and its routes."""
    made, known = fit(draft, losses)
    found = kubernetes.of_services(known, folder, losses)
    return [*found, *routes.written(made, known)]


def fit(draft: Draft, losses: Losses) -> tuple[Draft, list[Known]]:
    """What of the draft the Gateway API can say."""
    mesh, known = services.fitted(draft, losses, ingress=True)
    names = {each.service.name: each for each in known}
    found: dict[tuple[str, str], list[Rule]] = {}
    for each in known:
        _tell(draft, each, losses)
        common = versions.common(draft, each, losses) if each.service.requests else None
        if common is not None:
            found["", each.service.name] = _rules(common, names, losses)
        edge = draft.edges.get((INGRESS, each.service.name))
        if edge is not None and each.service.ingress and not rules.is_plain(draft, edge, each):
            own = rules.explicit(draft, edge, each, losses)
            found[INGRESS, each.service.name] = _rules(own, names, losses)
    used = [target for each in found.values() for target in versions.targets(each)]
    known = [
        versions.with_parts(each, dict.fromkeys(
            t.version for t in used if t.service == each.service.name and t.version))
        for each in known
    ]  # fmt: skip
    made = Draft.of(_one_host(mesh))
    for edge in made.edges.values():
        mine = found.get((INGRESS if edge.caller == INGRESS else "", edge.callee))
        if mine:
            edge.rules, edge.closed = list(mine), True
    fitting.tell_gone(draft, made, losses)
    fitting.keep_parts(made, known)
    fitting.tell_other_filters(draft, made, losses, rules.OF_RULES)
    losses.all_lost("mtls", (each.place for each in draft.mtls.values()))
    fitting.tell_rest(draft, losses)
    return made, known


def _tell(draft: Draft, known: Known, losses: Losses) -> None:
    for edge in draft.edges_to(known.service.name):
        fitting.tell_cluster(edge, losses)
        if not known.service.requests and edge.split:
            losses.lost("a split of connections", edge.split.place)


def _rules(found: Sequence[Rule], names: dict[str, Known], losses: Losses) -> list[Rule]:
    fitted = [
        replace(made, split=versions.whole(made.split, names))
        for rule in found
        for part in rules.fit(rule, WORDS, losses)
        for made in fit_rule(part, rule, names, losses)
    ]
    if found and not fitted:
        losses.changed("no rule is left, so all requests go to the service", found[0].place)
    return ordered(fitted, losses)


def _one_host(mesh: Mesh) -> Mesh:
    """Any host is one name: all others are among it."""
    made = {}
    for name, service in mesh.services.items():
        at = service.ingress
        if at is not None and "*" in at.hosts:
            service = replace(service, ingress=replace(at, hosts=("*",)))
        made[name] = service
    return replace(mesh, services=made)
