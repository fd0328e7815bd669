"""What a mesh's own patterns leave to chance: the share that each outcome has. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesh_patterns.draft import Draft, Edge, Fault, Match, Target
from mesh_patterns.expect import ClaimSpec, receiver
from mesh_yaml.matching import StringMatch
from mesh_yaml.values import Bounds
from mini_mesh.proving import luck


def to_fail(bounds: Bounds, total: int, chance: float | None) -> float | None:
    """The probability that a claim fails by luck, where each of ``total`` has this ``chance``; or
    the one that the claim states. ``None`` where nobody knows it."""
    known = bounds.chance if bounds.chance is not None else chance
    if known is None or not total:
        return None
    return luck.outside(total, known, *bounds.of(total))


def of_share(claim: ClaimSpec, draft: Draft, at: Target) -> float | None:
    """What the weights give a target, where nothing but weights decides."""
    edge = draft.edges.get((claim.caller(draft.mesh), at.service))
    if edge is None or edge.split is None or any(_may_match(r.match, claim) for r in edge.rules):
        return None
    weights = {weighted.target: weighted.weight for weighted in edge.split.value}
    return weights.get(at, 0) / sum(weights.values())


def of_status(claim: ClaimSpec, draft: Draft, status: int) -> float | None:
    """What the one fault that aborts with a status gives it; ``None`` where others meddle, too."""
    edge = draft.edges.get((claim.caller(draft.mesh), receiver(claim, draft.mesh) or ""))
    if edge is None or any(_may_match(rule.match, claim) for rule in edge.rules[:-1]):
        return None
    met = [fault for fault in _faults(draft, edge) if _is_for(fault, claim)]
    aborts = [fault for fault in met if status in (fault.abort_status, fault.abort_grpc_status)]
    others = [fault for fault in met if fault.abort_status or fault.abort_grpc_status]
    retried = "retries" in edge.settings or any("retries" in r.settings for r in edge.rules)
    if len(aborts) != 1 or len(others) != 1 or retried:
        return None
    percent = aborts[0].abort_percent
    return percent / 100 if percent < 100 else None


def _faults(draft: Draft, edge: Edge) -> Iterator[Fault]:
    """Those at the caller, and in front of all versions of the service."""
    placed = (*draft.filters_on(edge), *draft.filters_before(edge.callee))
    for each in placed:
        everywhere = each.inbound is None or each.inbound.version is None
        if each.kind == "fault" and everywhere:
            yield each.config


def _is_for(fault: Fault, claim: ClaimSpec) -> bool:
    return all(_holds(match, claim, name) for name, match in fault.headers)


def _holds(match: StringMatch, claim: ClaimSpec, name: str) -> bool:
    sent: Iterable[str] = (v for field, v in claim.headers.items() if field.lower() == name.lower())
    return match.any_holds(sent)


def _may_match(match: Match, claim: ClaimSpec) -> bool:
    """Whether a rule could take the claim's requests: not if it asks for a header they lack."""
    sent = {name.lower() for name in claim.headers}
    if claim.token:
        sent.add(claim.token.header.lower())
    return all(name in sent or wanted.invert for name, wanted in match.headers)
