"""Which claims may be proven at the same time.

A claim that counts what reached somebody runs alone: counts must not mix. Small ones that only look
at answers run side by side, so that nobody waits for one delay after the other; but not in a mesh
with limits, which they would use up together.
"""

from __future__ import annotations

from collections.abc import Iterator

from mesh_patterns.draft import Draft
from mesh_patterns.expect import ClaimSpec

MAX_BESIDE_OTHERS = 50  # requests of a claim that may run beside others
_LIMITS = frozenset(
    {
        *("local_rate_limit", "rate_limit", "connection_limit", "connection_rate"),
        *("bandwidth_limit", "admission_control", "adaptive_concurrency"),
    }
)


def batches(draft: Draft) -> Iterator[list[ClaimSpec]]:
    """The claims in groups that may run at the same time, none of them empty."""
    together: list[ClaimSpec] = []
    limited = _limited(draft)
    for claim in draft.mesh.claims:
        if limited or counts(claim) or claim.send > MAX_BESIDE_OTHERS:
            yield from filter(None, (together, [claim]))
            together = []
        else:
            together.append(claim)
    if together:
        yield together


def _limited(draft: Draft) -> bool:
    """Whether anything lets only so many requests or connections through."""
    breaks = any(
        {"circuit_breaker", "bulkhead"} & set(edge.settings) for edge in draft.edges.values()
    )
    return breaks or any(each.kind in _LIMITS for each in draft.filters)


def counts(claim: ClaimSpec) -> bool:
    """Whether a claim is about more than its own answers, so that nobody else may send."""
    happens = any((claim.during, claim.with_, claim.wait, claim.latency, claim.stop, claim.start))
    measured = claim.peak or claim.stats or claim.config or claim.is_witnessed or claim.runs
    return bool(arrivals(claim) or measured or happens)


def arrivals(claim: ClaimSpec) -> object:
    """What a claim says of how many requests reached somebody."""
    named = ("share", "each", "upstream", "upstream_ratio", "versions", "replicas")
    return any(getattr(claim, name) for name in named)
