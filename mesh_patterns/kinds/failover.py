"""Failover: other hosts of a service take over as those that are asked first go out.

Envoy: the priorities of ``ClusterLoadAssignment.endpoints``. While enough hosts of a priority are
well, all requests go there: with Envoy's factor of 1.4 it has requests to spare down to 72 % of its
hosts, then the next priority gets what is missing: of four hosts two are well, so 70 % stay. Who
is well is what ``health_check`` or ``outlier_detection`` say.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mesh_patterns.draft import Draft, Placed
from mesh_patterns.kinds import cluster_settings
from mesh_patterns.policy import FACTOR, Failover
from mesh_patterns.selector import edges, target
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError, Problem
from mesh_yaml.spec import SomeText

_JUDGES = ("health_check", "outlier_detection")


class FailoverSpec(PatternSpec):
    """Which hosts are asked first, and which when those are out."""

    on: str = Field(description="service, or 'caller -> service'")
    order: list[SomeText] = Field(
        [], description="versions, the first is asked first; those not named come last"
    )
    prefer: Literal["local"] | None = Field(
        None, description="local: the caller's zone first, then its region, then all others"
    )
    overprovisioning: float = Field(
        FACTOR, ge=1, le=100, description="how much more than its share each host can take"
    )


def apply(spec: FailoverSpec, draft: Draft) -> None:
    if bool(spec.order) == bool(spec.prefer):
        message = "say either the 'order' of versions, or 'prefer: local'"
        raise DocumentError.at(spec.place(), message)
    (first, *_) = edges(draft, spec.on, spec.place("on"))
    order = []
    for i, name in enumerate(spec.order):
        place = spec.place("order", i)
        at = target(draft.mesh, name, place, within=first.callee)
        if at.service != first.callee or at.version is None or at.replica is not None:
            message = f"expected a version of {first.callee!r}, got {name!r}"
            raise DocumentError.at(place, message)
        order.append(at.version)
    meaning = Failover(tuple(dict.fromkeys(order)), spec.prefer == "local", spec.overprovisioning)
    value = Placed(meaning, spec.place(), spec.override)
    cluster_settings.put(draft, spec.on, spec.place("on"), "failover", value)
    if not any(each.pattern in _JUDGES for each in draft.mesh.patterns):
        message = f"nobody judges which hosts are well; that takes one of {', '.join(_JUDGES)}"
        draft.warnings.append(Problem(spec.place(), message, warning=True))
