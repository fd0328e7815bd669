"""Verdicts on the traces that a claim's requests left. No I/O.

A span's parent is right where it is one of the same trace that began no later; a trace has one
root. https://www.w3.org/TR/trace-context/ says what is handed on; OpenTelemetry, "Traces", what a
parent is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mesh_patterns.claims.traces import TracesSpec
from mesh_patterns.expect import ClaimSpec
from mesh_traffic import Exchange
from mesh_yaml.values import Bounds
from mini_mesh.proving.crossing import lost
from mini_mesh.proving.observed import Observed
from mini_mesh.proving.verdict import Verdict, counted, title

MAX_SHOWN = 3  # of what is wrong with traces
SLACK = 0.002  # seconds; Envoys of one machine have one clock, but not one moment


@dataclass(slots=True)
class SpanTree:
    """The spans of one trace, by their ids."""

    id: str
    spans: dict[str, Exchange] = field(default_factory=dict)

    @property
    def roots(self) -> list[Exchange]:
        return [each for each in self.spans.values() if not each.trace.parent_span_id]

    def wrong(self) -> Iterator[str]:
        """What is wrong with its parents."""
        if len(self.roots) != 1:
            named = ", ".join(whose(each) for each in self.roots) or "none"
            yield f"trace {self.id[:8]} has {len(self.roots)} roots: {named}"
        for span in self.spans.values():
            above = span.trace.parent_span_id
            parent = self.spans.get(above)
            if above and parent is None:
                yield f"trace {self.id[:8]}: nobody told of the parent of a span of {whose(span)}"
            elif parent is not None and parent.started > span.started + SLACK:
                yield f"trace {self.id[:8]}: a span of {whose(span)} began before its parent"

    def services(self) -> list[str]:
        """Those that it leads through, from its root on, each at its first span."""
        below: dict[str, list[Exchange]] = {}
        for span in self.spans.values():
            below.setdefault(span.trace.parent_span_id, []).append(span)
        found: dict[str, None] = {}
        waiting = [""]
        while waiting:
            children = sorted(below.pop(waiting.pop(0), ()), key=lambda each: each.started)
            found |= dict.fromkeys(map(whose, children))
            waiting += [each.trace.span_id for each in children]
        return list(found)


def whose(span: Exchange) -> str:
    """The service that a span is of, as its sender calls itself."""
    return span.source.service if span.direction == "outbound" else _receiver(span)


def _receiver(span: Exchange) -> str:
    return span.destination.service or span.source.service or span.node


def trees(exchanges: Iterable[Exchange]) -> list[SpanTree]:
    """The traces that spans belong to, in the order in which they were heard of."""
    found: dict[str, SpanTree] = {}
    for each in exchanges:
        if each.trace.kind and each.trace.trace_id:
            tree = found.setdefault(each.trace.trace_id, SpanTree(each.trace.trace_id))
            tree.spans[each.trace.span_id] = each
    return list(found.values())


def traces(claim: ClaimSpec, observed: Observed) -> Iterator[Verdict]:
    """A verdict for each thing that a claim says of its traces."""
    wanted = claim.traces
    if wanted is None:
        return
    found = trees(observed.crossed)
    if wanted.count is not None:
        yield _number(claim, "count", wanted.count, len(found), observed)
    if wanted.spans is not None:
        yield _spans(claim, wanted.spans, found, observed)
    if wanted.services:
        yield _services(claim, wanted, found)
    if wanted.parents is not None:
        wrong = [each for tree in found for each in tree.wrong()]
        seen = f"{len(wrong):,} wrong" if wrong else f"right in {len(found):,}"
        yield _verdict(claim, "parents", "right", seen, bool(found) and not wrong, wrong)


def _number(claim: ClaimSpec, what: str, bounds: Bounds, seen: int, observed: Observed) -> Verdict:
    total = len(observed.samples)
    holds = bounds.hold(seen, total) and not observed.lost
    text = f"{seen:,}{lost(observed)}"
    return _verdict(claim, what, counted(bounds, total), text, holds)


def _spans(claim: ClaimSpec, bounds: Bounds, found: list[SpanTree], observed: Observed) -> Verdict:
    counts = sorted(len(tree.spans) for tree in found)
    seen = "no trace" if not counts else f"{counts[0]:,}"
    if counts and counts[-1] != counts[0]:
        seen += f"–{counts[-1]:,}"
    holds = bool(counts) and all(map(bounds.hold, counts)) and not observed.lost
    return _verdict(claim, "spans", counted(bounds, 0), seen + lost(observed), holds)


def _services(claim: ClaimSpec, wanted: TracesSpec, found: list[SpanTree]) -> Verdict:
    ways: Mapping[str, list[str]] = {tree.id: tree.services() for tree in found}
    wrong = [" → ".join(way) for way in ways.values() if way != wanted.services]
    right = len(ways) - len(wrong)
    seen = f"{right:,} of {len(ways):,}"
    return _verdict(
        claim, "services", " → ".join(wanted.services), seen, bool(ways) and not wrong, wrong
    )


def _verdict(
    claim: ClaimSpec, what: str, expected: str, seen: str, holds: bool, evidence: Sequence[str] = ()
) -> Verdict:
    place = str(claim.place("traces", what))
    name = title(claim, "traces" if what == "count" else f"traces: {what}")
    return Verdict(name, expected, seen, holds, place, evidence=tuple(evidence[:MAX_SHOWN]))
