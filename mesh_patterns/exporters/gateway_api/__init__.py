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
        fitting.tell_but_routes(draft, each, losses)
        common = versions.common(draft, each, losses) if each.service.requests else None
        if common is not None:
            found["", each.service.name] = _rules(common, names, losses)
        edge = draft.edges.get((INGRESS, each.service.name))
        if edge is not None and each.service.ingress and not rules.is_plain(draft, edge, each):
            own = rules.explicit(draft, edge, each, losses)
            found[INGRESS, each.service.name] = _rules(own, names, losses)
    known = versions.with_used(known, found.values())
    made = Draft.of(_one_host(mesh))
    for edge in made.edges.values():
        mine = found.get((INGRESS if edge.caller == INGRESS else "", edge.callee))
        if mine:
            edge.rules, edge.closed = list(mine), True
    fitting.finish_routes(draft, made, known, losses, rules.OF_RULES)
    return made, known


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
