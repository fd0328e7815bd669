"""Canary: a share of the requests goes to another version, at once or step by step.

Envoy: ``RouteAction.weighted_clusters``, chosen per request, at the caller; of connections, the
weights of its TCP proxy. With ``steps`` the control plane changes the weights itself, as long as
the canary does well.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mesh_patterns.draft import Draft, Edge, Placed, Weighted, settle
from mesh_patterns.rollout import Rollout
from mesh_patterns.selector import edges, target
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import OneOrMore, Text
from mesh_yaml.values import Bound, Duration

Steps = OneOrMore[Annotated[int, Field(ge=1, le=100)]]
MIN_REQUESTS = 100


class CanarySpec(PatternSpec):
    """Split requests between versions."""

    on: str = Field(description="service, or 'caller -> service'")
    weights: dict[Text, int] = Field(
        description="share of each version (or service) in 100", min_length=1
    )
    steps: Steps = Field(
        [], description="further shares of the version that weights name last, one after the other"
    )
    every: Duration = Field(
        "30s", validate_default=True, description="how long a step lasts at least"
    )
    min_requests: int = Field(
        MIN_REQUESTS, ge=1, description="that have to reach the canary before a step is judged"
    )
    rollback_when: dict[Literal["error_rate", "p50", "p90", "p99"], Bound] = Field(
        {}, description="bounds at which it gets nothing any more, such as error_rate: '> 2%'"
    )

    @model_validator(mode="after")
    def _stepped(self) -> CanarySpec:
        stepped = {"every", "min_requests", "rollback_when"} & self.model_fields_set
        if stepped and not self.steps:
            raise ValueError(f"{min(stepped)} is about steps, and there are none")
        if self.steps and len(self.weights) != 2:
            raise ValueError(f"steps are between two versions, got {len(self.weights)}")
        shares = [list(self.weights.values())[-1], *self.steps]
        if self.steps and any(a >= b for a, b in zip(shares, shares[1:], strict=False)):
            raise ValueError(f"steps grow, got {', '.join(map(str, shares))}")
        return self


def apply(spec: CanarySpec, draft: Draft) -> None:
    check_sum(spec)
    found = edges(draft, spec.on, spec.place("on"))
    for edge in found:
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
    if spec.steps:
        draft.rollouts.append(Placed(_rollout(spec, draft, found), spec.place("steps")))


def _rollout(spec: CanarySpec, draft: Draft, found: list[Edge]) -> Rollout:
    service = found[0].callee
    if not draft.mesh.services[service].requests:
        message = f"steps are judged by answers, and {service!r} has none that Envoy sees"
        raise DocumentError.at(spec.place("steps"), message)
    (stable, _), (canary, share) = (
        (target(draft.mesh, name, spec.key_place("weights", name), service), weight)
        for name, weight in spec.weights.items()
    )
    if draft.mesh.is_proxyless(canary.service):
        message = f"steps are judged by an Envoy, and {canary.service!r} has none"
        raise DocumentError.at(spec.place("steps"), message)
    return Rollout(
        service, stable, canary, (share, *spec.steps), spec.every, spec.min_requests,
        tuple(spec.rollback_when.items()), tuple(edge.caller for edge in found),
    )  # fmt: skip


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
