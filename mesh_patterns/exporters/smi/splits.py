"""TrafficSplits, and an HTTPRouteGroup for each that is for some requests alone.

https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-split
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mesh_patterns.draft import Draft, Match, Rule
from mesh_patterns.exporters import versions
from mesh_patterns.exporters.services import Known
from mesh_patterns.exporters.smi.texts import path_regex
from mesh_patterns.model import CLIENT

Made = dict[str, Any]


def written(draft: Draft, known: Sequence[Known]) -> list[Made]:
    """Those of all services."""
    names = {each.service.name: each for each in known}
    return [made for each in known for made in _of_service(draft, each, names)]


def _of_service(draft: Draft, known: Known, names: dict[str, Known]) -> Iterator[Made]:
    for number, rule in enumerate(
        draft.edges[CLIENT, known.service.name].rules[len(known.parts) :]
    ):
        name = known.name if number == 0 else f"{known.name}-{number + 1}"
        spec: Made = {"service": known.name, "backends": _backends(rule, names)}
        if rule.match:
            spec["matches"] = [{"kind": "HTTPRouteGroup", "name": name}]
            yield {
                "apiVersion": "specs.smi-spec.io/v1alpha4", "kind": "HTTPRouteGroup",
                "metadata": known.metadata(name),
                "spec": {"matches": [{"name": "requests", **_match(rule.match)}]},
            }  # fmt: skip
        yield {
            "apiVersion": "split.smi-spec.io/v1alpha4", "kind": "TrafficSplit",
            "metadata": known.metadata(name), "spec": spec,
        }  # fmt: skip


def _backends(rule: Rule, names: dict[str, Known]) -> list[Made]:
    return [
        {"service": versions.name_of(share.target, names)[0], "weight": share.weight}
        for share in rule.split
    ]


def _match(match: Match) -> Made:
    made: Made = {}
    if match.path is not None:
        made["pathRegex"] = path_regex(match.path)
    if match.method is not None:
        made["methods"] = [match.method.text]
    if match.headers:
        made["headers"] = {name: found.text for name, found in match.headers}
    return made
