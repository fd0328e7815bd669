"""DestinationRules: versions as subsets, and what callers do with hosts.

https://istio.io/latest/docs/reference/config/networking/destination-rule/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mesh_patterns.draft import CLUSTER, Draft, Edge
from mesh_patterns.exporters.istio import hosts
from mesh_patterns.exporters.services import OUTSIDE, Known
from mesh_patterns.model import CLIENT

Made = dict[str, Any]


def written(draft: Draft, known: Sequence[Known]) -> list[Made]:
    """One for each service with versions or settings, and for callers with others."""
    names = {each.service.name: each for each in known}
    return [made for each in known for made in _of_service(draft, each, names)]


def _of_service(draft: Draft, known: Known, names: Mapping[str, Known]) -> Iterator[Made]:
    rest = draft.edges[CLIENT, known.service.name]
    whole = _spec(rest, known)
    versions = [each.name for each in known.service.versions if each.name]
    if versions or "trafficPolicy" in whole:
        yield _document(known, known.name, whole)
    for edge in draft.edges_to(known.service.name):
        if edge.caller not in (*OUTSIDE, CLIENT) and _said(edge) != _said(rest):
            labels = {"matchLabels": names[edge.caller].labels()}
            spec = {"workloadSelector": labels, **_spec(edge, known)}
            yield _document(known, f"{known.name}-of-{edge.caller}", spec)


def _said(edge: Edge) -> Mapping[Any, Any]:
    settings: dict[Any, Any] = {None: edge.settings, **edge.versions}
    return {
        version: {name: placed.value for name, placed in found.items() if name in CLUSTER}
        for version, found in settings.items()
    }


def _spec(edge: Edge, known: Known) -> Made:
    policy = hosts.policy(edge.of_cluster(None))
    subsets = []
    for version in known.service.versions:
        if version.name:
            own = hosts.policy(edge.versions.get(version.name, {}))
            subset: Made = {"name": version.name, "labels": {"version": version.name}}
            subsets.append(subset | ({"trafficPolicy": own} if own else {}))
    made: Made = {"host": known.host}
    made |= {"trafficPolicy": policy} if policy else {}
    return made | ({"subsets": subsets} if subsets else {})


def _document(known: Known, name: str, spec: Made) -> Made:
    return {
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": known.metadata(name), "spec": spec,
    }  # fmt: skip
