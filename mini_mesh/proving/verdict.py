"""What became of one bound of a claim, and how a claim is called. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_patterns.expect import ClaimSpec
from mesh_yaml.values import Bounds


@dataclass(frozen=True, slots=True)
class Measured:
    """A number, and what it may be; unbounded where ``low`` or ``high`` is infinite. A percentage
    is one already."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, bounds: Bounds, value: float, total: float = 0.0) -> Measured:
        """``bounds`` taken of ``total``, where they are percentages."""
        return cls(value, *bounds.of(total))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One bound of a claim: what was expected, what was seen.

    ``luck`` is the probability that a true claim fails by chance, where it can be known;
    ``measured`` is what was seen, where that is numbers.
    """

    claim: str
    expected: str
    seen: str
    holds: bool
    place: str
    luck: float | None = None
    evidence: tuple[str, ...] = ()
    measured: tuple[Measured, ...] = ()


def title(claim: ClaimSpec, what: str) -> str:
    """A claim, and which of its bounds."""
    return f"{wording(claim)}: {what}"


def wording(claim: ClaimSpec) -> str:
    """The claim's own words, or derived ones."""
    if claim.claim:
        return claim.claim
    if not claim.send:
        return f"meshloom {claim.runs[0].meshloom}"
    source = f"{claim.from_} → " if claim.from_ else ""
    method = f"{claim.method} " if claim.method != "GET" or not claim.to else ""
    sent = f"{source}{claim.to} {method}{claim.path}" if claim.to else f"{method}{claim.path}"
    with_headers = "".join(f" [{field}: {value}]" for field, value in claim.headers.items())
    with_token = f" [{claim.token.said()}]" if claim.token else ""
    times = f" × {claim.send:,}" if claim.send > 1 else ""
    if claim.connections is not None:
        times = f" × {claim.connections:,} connections"
    return f"{sent}{with_headers}{with_token}{times}"


def counted(bounds: Bounds, total: int) -> str:
    """Bounds as counts where they are percentages of a known total."""
    if not bounds.percent:
        return bounds.text.replace("..", "–")
    low, high = bounds.of(total)
    return f"{low:,.0f}" if low == high else f"{low:,.0f}–{high:,.0f}"
