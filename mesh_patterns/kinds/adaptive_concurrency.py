"""Adaptive concurrency: as many requests at a time as a service takes without a queue.

Envoy: the adaptive concurrency filter with its gradient controller. It measures what an answer
takes when next to nothing goes on (min_concurrency at a time, every ``calibrate``), and lets so
many through as keep the latency near that. What is beyond is a 503 at once. ``circuit_breaker`` is
the same with a number that somebody has to know.
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/adaptive_concurrency_filter
"""

from __future__ import annotations

from pydantic import Field, model_validator

from mesh_patterns.draft import Draft
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_patterns.limits import AdaptiveConcurrency, Status
from mesh_yaml.values import Duration, Percent

_SHORTEST = 0.001  # seconds


class AdaptiveConcurrencySpec(HttpFilterSpec):
    """Find out how many requests a service takes at a time."""

    percentile: Percent = Field(50.0, description="of latencies, that is kept near the least")
    update: Duration = Field(
        "100ms", validate_default=True, description="between two looks at the latency"
    )
    max_limit: int = Field(1000, ge=1, le=2**31 - 1, description="at a time, whatever is measured")
    min_concurrency: int = Field(3, ge=1, le=10_000, description="while the least is measured")
    calibrate: Duration | None = Field(
        None, description="between two measurements of the least; 60s if absent"
    )
    fixed: Duration | None = Field(
        None, description="the least, if somebody knows it: nothing is measured then"
    )
    calibration_requests: int = Field(50, ge=1, le=100_000, description="of each measurement")
    buffer: Percent = Field(25.0, description="of the least, that latency may vary by")
    status: Status = 503

    @model_validator(mode="after")
    def _one(self) -> AdaptiveConcurrencySpec:
        if self.calibrate is not None and self.fixed is not None:
            raise ValueError("expected one of calibrate and fixed")
        for name in ("update", "calibrate", "fixed"):
            given = getattr(self, name)
            if given is not None and given.total_seconds() < _SHORTEST:
                raise ValueError(f"{name!r} is at least 1ms")
        return self


def apply(spec: AdaptiveConcurrencySpec, draft: Draft) -> None:
    meaning = AdaptiveConcurrency(
        spec.percentile,
        spec.update,
        spec.max_limit,
        spec.min_concurrency,
        spec.calibrate,
        spec.fixed,
        spec.calibration_requests,
        spec.buffer,
        spec.status,
    )
    http_filter.add(spec, draft, "", meaning)
