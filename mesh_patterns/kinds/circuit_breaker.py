"""Circuit breakers: how much a caller may have open to a service; what is beyond is a 503 at once.

Envoy: ``Cluster.circuit_breakers``, at the caller, for its requests to that service. Nothing opens
or closes after failures, as in the breaker of the books: that is ``outlier_detection``. Several
worker threads of an Envoy may together go a little beyond a limit.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Self

from pydantic import Field, model_validator

from mesh_patterns.draft import Draft, Placed
from mesh_patterns.kinds import cluster_settings
from mesh_patterns.policy import CircuitBreaker
from mesh_patterns.spec import PatternSpec

Limit = Annotated[int, Field(ge=0, le=2**32 - 1)]


class LimitsSpec(PatternSpec):
    """How much may be open, of all requests or of some."""

    max_requests: Limit | None = Field(None, description="that wait for an answer; 1024 if absent")
    max_connections: Limit | None = Field(None, description="1024 if absent")
    max_pending_requests: Limit | None = Field(
        None, description="that wait for a connection; 1024 if absent"
    )
    max_retries: Limit | None = Field(None, description="under way at a time; 3 if absent")

    @model_validator(mode="after")
    def _some(self) -> Self:
        limits = self._limits()
        if not any(limit is not None for limit in limits.values()):
            raise ValueError(f"limits nothing; expected at least one of {', '.join(limits)}")
        return self

    def _limits(self) -> dict[str, int | None]:
        known = {each.name for each in fields(CircuitBreaker)}
        return {name: getattr(self, name) for name in type(self).model_fields if name in known}

    def meaning(self) -> CircuitBreaker:
        return CircuitBreaker(**self._limits())


class CircuitBreakerSpec(LimitsSpec):
    """Limit what is open on an edge."""

    on: str = Field(description=cluster_settings.ON)
    max_connections_per_host: Limit | None = Field(None, description="no limit if absent")


def apply(spec: CircuitBreakerSpec, draft: Draft) -> None:
    set_ = Placed(spec.meaning(), spec.place(), spec.override)
    cluster_settings.put(draft, spec.on, spec.place("on"), "circuit_breaker", set_)
