"""Connection limit: how many connections a workload has to bear at a time.

Envoy: the connection limit filter, in front of the workload. One connection too many is closed
before anything is read from it. ``circuit_breaker`` is a caller's own limit, this the callee's.
"""

from __future__ import annotations

from pydantic import Field

from mesh_patterns.draft import Draft
from mesh_patterns.policy import ConnectionLimit
from mesh_patterns.selector import inbound, is_edge
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError
from mesh_yaml.values import Duration


class ConnectionLimitSpec(PatternSpec):
    """Limit the connections that are open to a workload."""

    on: str = Field(description="service, or service/version")
    connections: int = Field(ge=1, le=2**32 - 1, description="open at a time, of each workload")
    delay: Duration | None = Field(
        None, description="how long one too many stays open, unread; closed at once without"
    )


def apply(spec: ConnectionLimitSpec, draft: Draft) -> None:
    place = spec.place("on")
    if is_edge(spec.on):
        message = f"a limit of connections is of a workload, got {spec.on!r}; name the service"
        raise DocumentError.at(place, message)
    meaning = ConnectionLimit(spec.connections, spec.delay)
    workloads = inbound(draft.mesh, spec.on, place)
    draft.add_filter(
        "connection_limit", "", meaning, spec.place(), inbound=workloads, layer="network"
    )
