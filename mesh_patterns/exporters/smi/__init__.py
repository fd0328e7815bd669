"""SMI: who is asked, by TrafficSplits and the HTTPRouteGroups that they name. All else is lost.

https://github.com/servicemeshinterface/smi-spec
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mesh_patterns.draft import Draft, Rule, Target, Weighted
from mesh_patterns.exporters import fitting, kubernetes, rules, services, versions
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import Known
from mesh_patterns.exporters.smi import splits
from mesh_patterns.exporters.smi.texts import fit_rule
from mesh_patterns.model import INGRESS

Document = dict[str, Any]


def documents(draft: Draft, losses: Losses, folder: Path) -> list[Document]:
    """The mesh's services and its splits."""
    made, known = fit(draft, losses)
    found = kubernetes.of_services(known, folder, losses)
    return [*found, *splits.written(made, known)]


def fit(draft: Draft, losses: Losses) -> tuple[Draft, list[Known]]:
    """What of the draft SMI can say."""
    mesh, known = services.fitted(draft, losses)
    names = {each.service.name: each for each in known}
    found: dict[str, list[Rule]] = {}
    for each in known:
        fitting.tell_but_routes(draft, each, losses)
        at_ingress = draft.edges.get((INGRESS, each.service.name))
        if at_ingress is not None:
            fitting.tell_edge(at_ingress, each, losses)
        common = versions.common(draft, each, losses) if each.service.requests else None
        if common is not None:
            found[each.service.name] = _rules(common, each, names, losses)
            if versions.is_closed(draft, each) and not (common and not common[-1].match):
                message = "what no rule matches goes to the service, and is not 'not found'"
                losses.changed(message, each.service.place)
    known = versions.with_used(known, found.values())
    made = Draft.of(mesh)
    for edge in made.edges.values():
        edge.rules = list(found.get(edge.callee, ()))
    fitting.finish_routes(draft, made, known, losses, rules.OF_RULES)
    return made, known


def _rules(
    found: Iterable[Rule], known: Known, names: dict[str, Known], losses: Losses
) -> list[Rule]:
    """The splits; none for what goes to the service anyway, as nobody says."""
    fitted = [made for rule in found for made in fit_rule(rule, names, losses)]
    last = fitted[-1] if fitted else None
    unsaid = last is not None and last.place == known.service.place
    if last is not None and unsaid and not last.match and _is_whole(last.split, known):
        fitted.pop()
    return fitted


def _is_whole(split: tuple[Weighted, ...], known: Known) -> bool:
    return [each.target for each in split] == [Target(known.service.name)]
