"""``traces:``: what the spans of a claim's requests add up to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mesh_yaml.spec import SomeText, Spec
from mesh_yaml.values import Bound


class TracesSpec(Spec):
    """The traces that a claim's requests left, by the spans that ``tracing`` has Envoys send."""

    count: Bound | None = Field(None, description="how many traces; a percentage is of requests")
    spans: Bound | None = Field(None, description="spans of each trace")
    services: list[SomeText] = Field(
        [], description="that each trace leads through, from its root on, in this order"
    )
    parents: Literal["right"] | None = Field(
        None, description="each trace has one root, and every other span's parent is in it"
    )

    @model_validator(mode="after")
    def _something(self) -> TracesSpec:
        if not (self.count or self.spans or self.services or self.parents):
            names = ", ".join(type(self).model_fields)
            raise ValueError(f"claims nothing; expected at least one of {names}")
        return self
