"""What tracers say of who led to whom: hops by the ids of spans. Sans-IO.

Rule 1: a program's server span stands below the Envoy that passed its parent's id on, or else
        below its parent; any other span stands below its parent.
Rule 2: of Envoys that pass the same id on one after the other, the first stands below the span
        that has it; the others are found by their connections and times.
Rule 3: steps inside of a program, and Envoys' own spans, are no hops: what they led to stands
        below what led to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mesh_traffic import Exchange, Trace, replace
from tap.tree.hop import Hop
from tap.tree.trace_context import carried

MAX_STEPS = 100  # from a span to the hop that it is of
SAME_MOMENT = 0.001  # seconds; an Envoy's log and its span have the same start
_HIDDEN = ("internal", "proxy")

Key = tuple[str, str]  # of a trace and a span


class Lineage:
    """``takes`` and ``learn`` fill it, then it tells the ``parent`` of each hop."""

    def __init__(self) -> None:
        self._steps: dict[Key, str] = {}  # those that are no hops → their parent's id
        self._spans: dict[Key, Hop] = {}
        self._carriers: dict[Key, list[Hop]] = {}  # hops of Envoys by what they passed on

    def takes(self, exchange: Exchange) -> bool:
        """Whether it is no hop, but a step between hops."""
        trace = exchange.trace
        if trace.kind not in _HIDDEN or exchange.request.method:
            return False
        self._steps.setdefault((trace.trace_id, trace.span_id), trace.parent_span_id)
        return True

    def learn(self, hops: Iterable[Hop]) -> None:
        for hop in hops:
            for view in hop.views():
                if view.trace.span_id:
                    self._spans.setdefault((view.trace.trace_id, view.trace.span_id), hop)
                if not view.trace.kind:
                    self._carries(hop, carried(view.request.headers.fields))

    def _carries(self, hop: Hop, sent: Trace) -> None:
        if sent.trace_id:
            carriers = self._carriers.setdefault((sent.trace_id, sent.parent_span_id), [])
            if not carriers or carriers[-1] is not hop:
                carriers.append(hop)

    def parent(self, hop: Hop) -> Hop | None:
        """The hop that it stands below; None: no tracer tells."""
        trace, is_first = self._above(hop)
        of_server = hop.exchange.trace.kind == "server"
        for key in self._way_up((trace.trace_id, trace.parent_span_id)):
            span = self._spans.get(key)
            passed_on = None if is_first else _nearest(self._carriers.get(key, []), hop)
            found = (passed_on or span) if of_server else (span or passed_on)
            if found is not None and found is not hop:
                return found
        return None

    def _above(self, hop: Hop) -> tuple[Trace, bool]:
        """What says who led to it; and whether it is the first that passed this id on, and so
        below none of the others that did."""
        for view in hop.views():
            if view.trace.span_id:
                return view.trace, False
        sent = carried(hop.exchange.request.headers.fields)
        carriers = self._carriers.get((sent.trace_id, sent.parent_span_id), [])
        is_first = hop in carriers[:1]
        return (sent if is_first else Trace()), True

    def _way_up(self, key: Key) -> Iterator[Key]:
        """A span, and while it is a step, what led to it."""
        for _ in range(MAX_STEPS):
            trace_id, span_id = key
            if not span_id:
                return
            yield key
            if key not in self._steps:
                return
            key = (trace_id, self._steps[key])


def _nearest(carriers: Sequence[Hop], hop: Hop) -> Hop | None:
    """Of those that passed an id on, the last one before it, if it can be on the way to its
    service."""
    service = hop.exchange.destination.service
    before = [one for one in carriers if one is not hop and one.started <= hop.started]
    to_it = [one for one in before if one.exchange.destination.service == service]
    found = to_it or before or [one for one in carriers if one is not hop]
    return max(found, key=lambda one: one.started, default=None)


def with_own_spans(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """The exchanges; those that an Envoy's span told of again are one with it: it has the ids."""
    known: dict[tuple[str, str], list[Exchange]] = {}
    spans, rest = [], []
    for each in exchanges:
        if each.trace.kind == "proxy" and each.request.method:
            spans.append(each)
        elif not each.trace.kind:
            known.setdefault((each.node, each.request_id), []).append(each)
        else:
            rest.append(each)
    for span in spans:
        captured = known.get((span.node, span.request_id), [])
        at = _same(captured, span)
        if at is None:
            rest.append(span)
        else:
            one = captured[at]
            trace = replace(span.trace, kind="")
            captured[at] = replace(one, trace=trace, sources=(*one.sources, *span.sources))
    return [*rest, *(one for many in known.values() for one in many)]


def _same(captured: Sequence[Exchange], span: Exchange) -> int | None:
    """Which of them began with the span."""
    found = [
        (abs(one.started - span.started), at)
        for at, one in enumerate(captured)
        if span.sources[0] not in one.sources
        and (not one.trace.span_id or one.trace.span_id == span.trace.span_id)
    ]
    apart, at = min(found, default=(SAME_MOMENT, -1))
    return at if apart < SAME_MOMENT else None
