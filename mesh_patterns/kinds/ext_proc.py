"""External processing: a service of your own that sees and changes requests and answers.

Envoy: the ext_proc filter. The processor is a service of the mesh that speaks gRPC
(``envoy.service.ext_proc.v3.ExternalProcessor``), in whatever language. A sidecar's filters of
one's own without WASM's limits, for a round trip for each part that it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mesh_patterns.draft import Draft, Target
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import ExtensionSpec
from mesh_patterns.selector import speaking_grpc
from mesh_yaml.values import Duration

LONGEST = timedelta(hours=1)  # ExternalProcessor.message_timeout


def _short(value: timedelta) -> timedelta:
    if value > LONGEST:
        raise ValueError(f"an answer may take {LONGEST} at most, got {value}")
    return value


Body = Literal["none", "streamed", "buffered", "buffered_partial", "full_duplex_streamed"]


@dataclass(frozen=True, slots=True)
class Processing:
    """What of a message a processor gets."""

    headers: bool
    body: str
    trailers: bool


@dataclass(frozen=True, slots=True)
class ExtProc:
    """Who processes, and what; ``optional``: without an answer a request goes on."""

    processor: Target
    request: Processing
    response: Processing
    optional: bool
    observe: bool
    timeout: timedelta | None


class ExtProcSpec(ExtensionSpec):
    """Send requests through a processor."""

    service: str = Field(description="of the mesh, protocol grpc: the processor")
    request_headers: bool = True
    request_body: Body = "none"
    request_trailers: bool = False
    response_headers: bool = True
    response_body: Body = "none"
    response_trailers: bool = False
    on_failure: Literal["deny", "allow"] = Field(
        "deny", description="500, or on as it is, when the processor does not answer"
    )
    observe: bool = Field(False, description="it only looks: nobody waits for its answers")
    timeout: Annotated[Duration, AfterValidator(_short)] | None = Field(
        None, description="of each answer, 1h at most; 200ms if absent"
    )

    @model_validator(mode="after")
    def _whole(self) -> ExtProcSpec:
        for side in ("request", "response"):
            duplex = getattr(self, f"{side}_body") == "full_duplex_streamed"
            if duplex and not getattr(self, f"{side}_trailers"):
                raise ValueError(f"with such a body Envoy wants '{side}_trailers: true'")
        return self


def apply(spec: ExtProcSpec, draft: Draft) -> None:
    processor = speaking_grpc(draft.mesh, spec.service, spec.place("service"))
    meaning = ExtProc(
        processor,
        Processing(spec.request_headers, spec.request_body, spec.request_trailers),
        Processing(spec.response_headers, spec.response_body, spec.response_trailers),
        spec.on_failure == "allow",
        spec.observe,
        spec.timeout,
    )
    http_filter.add(spec, draft, processor.service, meaning, calls=(processor,))
