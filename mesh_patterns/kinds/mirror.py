"""Mirroring: a copy of the requests goes to another version, its answers to nobody.

Envoy: ``RouteAction.request_mirror_policies``. The copy's Host has ``-shadow`` appended.
"""

from __future__ import annotations

from pydantic import Field

from mesh_patterns.draft import Draft, Mirror, Placed
from mesh_patterns.selector import edges, target
from mesh_patterns.spec import PatternSpec
from mesh_yaml.values import Percent


class MirrorSpec(PatternSpec):
    """Copy requests on an edge to another version or service."""

    on: str = Field(description="service, or 'caller -> service'")
    to: str = Field(description="version, service, or service/version")
    percent: Percent = 100.0


def apply(spec: MirrorSpec, draft: Draft) -> None:
    for edge in edges(draft, spec.on, spec.place("on")):
        copy_to = target(draft.mesh, spec.to, spec.place("to"), edge.callee)
        edge.put("mirror", Placed((Mirror(copy_to, spec.percent),), spec.place(), spec.override))
