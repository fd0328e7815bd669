"""Objective: what a service owes to its callers, so that one can see whether it keeps it.

Envoy is told nothing of it: it counts anyway. ``meshloom slo`` compares what it has counted with
what was promised, and says which edge spends the error budget.
https://sre.google/sre-book/service-level-objectives/
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mesh_patterns.draft import Draft, Placed, settle
from mesh_patterns.selector import is_edge, service
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError
from mesh_yaml.values import Duration, Percent


@dataclass(frozen=True, slots=True)
class Objective:
    """``availability`` is the percentage of requests that are not answered by 5xx; ``latency`` are
    quantiles and the times that they have at most.
    """

    availability: float | None
    latency: tuple[tuple[str, timedelta], ...] = ()


def _some_budget(value: float) -> float:
    if value >= 100:
        raise ValueError("expected less than 100%: nobody keeps that, and no budget is left")
    return value


class ObjectiveSpec(PatternSpec):
    """Say what a service owes to its callers."""

    on: str = Field(description="service")
    availability: Annotated[Percent, AfterValidator(_some_budget)] | None = Field(
        None, description="of the requests, that are not answered by 5xx"
    )
    latency: dict[Literal["p50", "p90", "p99"], Duration] = Field(
        {}, description="that this share of the requests takes at most"
    )

    @model_validator(mode="after")
    def _some(self) -> ObjectiveSpec:
        if self.availability is None and not self.latency:
            raise ValueError("promises nothing; expected availability, latency or both")
        return self


def apply(spec: ObjectiveSpec, draft: Draft) -> None:
    place = spec.place("on")
    if is_edge(spec.on) or "/" in spec.on:
        message = f"an objective is a whole service's, got {spec.on!r}; name the service"
        raise DocumentError.at(place, message)
    name = service(draft.mesh, spec.on, place)
    meaning = Objective(spec.availability, tuple(spec.latency.items()))
    new = Placed(meaning, spec.place(), spec.override)
    draft.objectives[name] = settle(f"objective of {name!r}", draft.objectives.get(name), new)
