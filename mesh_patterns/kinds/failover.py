"""Failover: other hosts of a service take over as those that are asked first go out.

Envoy: the priorities of ``ClusterLoadAssignment.endpoints``. While enough hosts of a priority are
well, all requests go there: with Envoy's factor of 1.4 it has requests to spare down to 72 % of its
hosts, then the next priority gets what is missing: of four hosts two are well, so 70 % stay. Who
is well is what ``health_check`` or ``outlier_detection`` say. Other services take over by an
aggregate cluster: each is asked as it always is, with its own certificates and settings.
<https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/aggregate_cluster>
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from mesh_patterns.draft import Draft, Edge, Placed, Target
from mesh_patterns.kinds import cluster_settings
from mesh_patterns.policy import FACTOR, Failover
from mesh_patterns.selector import edges, target
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError, Problem
from mesh_yaml.spec import OneOrMore, SomeText

MAX_OTHERS = 8  # services one after the other
_JUDGES = ("health_check", "outlier_detection")


class FailoverSpec(PatternSpec):
    """Which hosts are asked first, and which when those are out."""

    on: str = Field(description="service, or 'caller -> service'")
    order: list[SomeText] = Field(
        [], description="versions, the first is asked first; those not named come last"
    )
    to: OneOrMore[SomeText] = Field(
        [],
        max_length=MAX_OTHERS,
        description="other services, or versions of them, that come after all of its own hosts",
    )
    prefer: Literal["local"] | None = Field(
        None, description="local: the caller's zone first, then its region, then all others"
    )
    overprovisioning: float = Field(
        FACTOR, ge=1, le=100, description="how much more than its share each host can take"
    )


def apply(spec: FailoverSpec, draft: Draft) -> None:
    if (spec.order and spec.prefer) or not (spec.order or spec.prefer or spec.to):
        message = "say either the 'order' of versions, or 'prefer: local', or who else: 'to'"
        raise DocumentError.at(spec.place(), message)
    found = edges(draft, spec.on, spec.place("on"))
    order = tuple(dict.fromkeys(_order(spec, draft, found[0])))
    meaning = Failover(order, spec.prefer == "local", spec.overprovisioning)
    value = Placed(meaning, spec.place(), spec.override)
    cluster_settings.put(draft, spec.on, spec.place("on"), "failover", value)
    if spec.to:
        others = tuple(dict.fromkeys(_others(spec, draft, found)))
        for edge in found:
            edge.put("takeover", Placed(others, spec.place("to"), spec.override))
    if not any(each.pattern in _JUDGES for each in draft.mesh.patterns):
        message = f"nobody judges which hosts are well; that takes one of {', '.join(_JUDGES)}"
        draft.warnings.append(Problem(spec.place(), message, warning=True))


def _order(spec: FailoverSpec, draft: Draft, first: Edge) -> Iterator[str]:
    for i, name in enumerate(spec.order):
        place = spec.place("order", i)
        at = target(draft.mesh, name, place, within=first.callee)
        if at.service != first.callee or at.version is None or at.replica is not None:
            message = f"expected a version of {first.callee!r}, got {name!r}"
            raise DocumentError.at(place, message)
        yield at.version


def _others(spec: FailoverSpec, draft: Draft, found: Iterable[Edge]) -> Iterator[Target]:
    """Who takes over. They are asked in the same words, so they have to speak the same."""
    services = draft.mesh.services
    for i, name in enumerate(spec.to):
        place = spec.place("to", i)
        at = target(draft.mesh, name, place)
        for edge in found:
            if at.service == edge.callee:
                message = f"{name!r} is of {edge.callee!r} itself; that is an 'order' of versions"
                raise DocumentError.at(place, message)
            wanted, got = services[edge.callee].protocol, services[at.service].protocol
            if wanted != got:
                message = f"{name!r} speaks {got}, and can't take over from {edge.callee!r}"
                raise DocumentError.at(place, f"{message}, which speaks {wanted}")
        yield at
