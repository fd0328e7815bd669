"""Tracing: Envoys tell of each request as spans, and hand its trace context on.

Envoy: the OpenTelemetry tracer of all that a service gets and sends. The spans go to who captures
(``meshloom tap`` shows them), or to a collector that is a service of the mesh. A workload has to
hand ``traceparent`` on, or its calls begin traces of their own.
https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from mesh_patterns.draft import Draft, Placed, settle
from mesh_patterns.selector import speaking_grpc
from mesh_patterns.spec import PatternSpec
from mesh_patterns.telemetry import Tracing, whose
from mesh_yaml.spec import AlsoWritten, SomeText, Spec
from mesh_yaml.values import Percent


class TagSpec(Spec):
    """Where a tag's value comes from."""

    literal: SomeText | None = None
    header: SomeText | None = Field(None, description="of the request")
    env: SomeText | None = Field(None, description="a variable of Envoy's environment")

    @model_validator(mode="after")
    def _one(self) -> TagSpec:
        if len(self.model_fields_set) != 1:
            raise ValueError("expected one of literal, header and env")
        return self

    def meaning(self) -> tuple[str, str]:
        (name,) = self.model_fields_set
        return name, getattr(self, name)


def _literal(value: Any) -> Any:
    return {"literal": value} if isinstance(value, str | int | float) else value


Tag = Annotated[TagSpec, BeforeValidator(_literal), AlsoWritten.of("string", "number")]


class TracingSpec(PatternSpec):
    """Tell of requests as spans."""

    on: str = Field(description="service, ingress, client, or '*'")
    sampling: Percent = Field(100.0, description="of the requests that come without a trace")
    tags: dict[SomeText, Tag] = Field({}, description="of each span, by name")
    collector: str | None = Field(
        None, description="a service of the mesh that takes OTLP by gRPC; else who captures"
    )


def apply(spec: TracingSpec, draft: Draft) -> None:
    collector = None
    if spec.collector is not None:
        collector = speaking_grpc(draft.mesh, spec.collector, spec.place("collector"))
    tags = tuple((name, *tag.meaning()) for name, tag in spec.tags.items())
    meaning = Placed(Tracing(spec.sampling, tags, collector), spec.place(), spec.override)
    for name in whose(draft, spec.on, spec.place("on")):
        draft.traces[name] = settle(f"tracing of {name!r}", draft.traces.get(name), meaning)
