"""Faults: delays and failures on purpose, to see who copes.

Envoy: the HTTP fault filter. On an edge (``on: a -> b``) it stands at the caller, as in Istio; on
a service (``on: b``) in front of its workload. That matters: a proxy never retries what its own
fault filter aborted, so retries are tested with the fault on the far side.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field, model_validator

from mesh_patterns.draft import Draft, Fault
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_patterns.matching import HeadersSpec
from mesh_patterns.rate_limits.bandwidth import Kibibytes
from mesh_yaml.spec import Spec
from mesh_yaml.values import Duration, Percent


class DelaySpec(Spec):
    """Wait before the request goes on."""

    fixed: Duration
    percent: Percent = 100.0


class AbortSpec(Spec):
    """Answer with a failure instead."""

    status: int | None = Field(None, ge=200, le=599)
    grpc_status: int | None = Field(None, ge=0, le=16, description="0 to 16")
    percent: Percent = 100.0

    @model_validator(mode="after")
    def _one(self) -> AbortSpec:
        if (self.status is None) == (self.grpc_status is None):
            raise ValueError("expected one of status and grpc_status")
        return self


class FaultOptions(Spec):
    """What goes wrong; a rule of a ``route`` takes these too."""

    delay: DelaySpec | None = None
    abort: AbortSpec | None = None
    response_rate_limit: Kibibytes | None = Field(
        None, description="of each answer's body, such as 10KiB/s"
    )
    by_header: bool = Field(
        False,
        description="requests may ask for it, by x-envoy-fault-delay-request (milliseconds), "
        "-abort-request (status), -abort-grpc-request and -throughput-response (KiB/s)",
    )
    max_active: int | None = Field(
        None, ge=0, le=2**32 - 1, description="how many requests have it at a time at most"
    )

    @model_validator(mode="after")
    def _some(self) -> FaultOptions:
        if not (self.delay or self.abort or self.response_rate_limit or self.by_header):
            raise ValueError("expected delay, abort, response_rate_limit or by_header")
        return self

    def meaning(self) -> Fault:
        return Fault(
            delay=self.delay.fixed if self.delay else None,
            delay_percent=self.delay.percent if self.delay else 100.0,
            abort_status=self.abort.status if self.abort else None,
            abort_grpc_status=self.abort.grpc_status if self.abort else None,
            abort_percent=self.abort.percent if self.abort else 100.0,
            response_kib=self.response_rate_limit,
            by_header=self.by_header,
            max_active=self.max_active,
        )


class FaultSpec(HttpFilterSpec, FaultOptions):
    """Delay or fail requests."""

    when: HeadersSpec | None = Field(None, description="only such requests")


def apply(spec: FaultSpec, draft: Draft) -> None:
    headers = spec.when.header_matches() if spec.when else ()
    http_filter.add(spec, draft, "", replace(spec.meaning(), headers=headers))
