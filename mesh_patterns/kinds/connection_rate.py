"""Connection rate: how many new connections a workload gets in a time; others are closed at once.

Envoy: the local rate limit filter for connections, in front of the workload. ``connection_limit``
is about those that are open, ``rate_limit`` about requests.
https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/local_rate_limit_filter
"""

from __future__ import annotations

from pydantic import Field, model_validator

from mesh_patterns.draft import Draft
from mesh_patterns.kinds.rate_limit import bucket
from mesh_patterns.limits import ConnectionRate
from mesh_patterns.rate_limits.rate import MAX_COUNT, RateText
from mesh_patterns.selector import inbound, is_edge
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError


class ConnectionRateSpec(PatternSpec):
    """Limit new connections in a time."""

    on: str = Field(description="service, or service/version")
    limit: RateText = Field(description="such as 10/min, of each Envoy")
    burst: int | None = Field(None, ge=1, le=MAX_COUNT, description="at once at most")

    @model_validator(mode="after")
    def _room(self) -> ConnectionRateSpec:
        bucket(self.limit, self.burst)
        return self


def apply(spec: ConnectionRateSpec, draft: Draft) -> None:
    place = spec.place("on")
    if is_edge(spec.on):
        message = f"a rate of connections is of a workload, got {spec.on!r}; name the service"
        raise DocumentError.at(place, message)
    meaning = ConnectionRate(bucket(spec.limit, spec.burst))
    workloads = inbound(draft.mesh, spec.on, place)
    draft.add_filter(
        "connection_rate", "", meaning, spec.place(), inbound=workloads, layer="network"
    )
