"""Timeouts: how long a caller waits for the whole answer, retries included.

Envoy: ``RouteAction.timeout``. Without this pattern meshloom sets none: Envoy's own default of
15 s would surprise those who come with files that say nothing of it.
"""

from __future__ import annotations

from pydantic import Field

from mesh_patterns.draft import Draft, Placed
from mesh_patterns.selector import edges
from mesh_patterns.spec import PatternSpec
from mesh_yaml.values import Duration


class TimeoutSpec(PatternSpec):
    """Bound the time of a request on an edge."""

    on: str = Field(description="service, or 'caller -> service'")
    after: Duration


def apply(spec: TimeoutSpec, draft: Draft) -> None:
    for edge in edges(draft, spec.on, spec.place("on")):
        edge.put("timeout", Placed(spec.after, spec.place(), spec.override))
