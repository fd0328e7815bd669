"""Canary: a share of the requests goes to another version.

Envoy: ``RouteAction.weighted_clusters``, chosen per request, at the caller.
"""

from __future__ import annotations

from pydantic import Field

from mesh_patterns.draft import Draft, Placed, Weighted, settle
from mesh_patterns.selector import edges, target
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import Text


class CanarySpec(PatternSpec):
    """Split requests between versions."""

    on: str = Field(description="service, or 'caller -> service'")
    weights: dict[Text, int] = Field(
        description="share of each version (or service) in 100", min_length=1
    )


def apply(spec: CanarySpec, draft: Draft) -> None:
    check_sum(spec)
    for edge in edges(draft, spec.on, spec.place("on")):
        split = tuple(
            Weighted(
                target(draft.mesh, name, spec.key_place("weights", name), edge.callee),
                weight,
                spec.place("weights", name),
            )
            for name, weight in spec.weights.items()
        )
        new = Placed(split, spec.place("weights"), spec.override)
        edge.split = settle("the split", edge.split, new)


def check_sum(spec: CanarySpec) -> None:
    """Weights are shares of one hundred; Envoy would take any total, and a typo with it."""
    for name, weight in spec.weights.items():
        if weight < 0:
            message = f"a weight can't be negative, got {weight}"
            raise DocumentError.at(spec.place("weights", name), message)
    total = sum(spec.weights.values())
    if total != 100:
        parts = ", ".join(
            f"{name}: {weight} at {place.line}:{place.column}"
            for name, weight in spec.weights.items()
            for place in [spec.place("weights", name)]
        )
        raise DocumentError.at(
            spec.key_place("weights"), f"weights add up to {total}, expected 100 ({parts})"
        )
