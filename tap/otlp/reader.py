"""What one mesh is told over OTLP: messages in, exchanges and an answer out, all of it counted.

Rule 1: a span without valid ids, and what is beyond a message's bounds, is refused, counted, and
        told to the sender (OTLP, "Partial Success").
Rule 2: a record of a log that tells of no request is none: it is counted, and that is all.
Rule 3: what is known already is not told again. Of an Envoy whose captures come here, spans are
        steps (``Exchange.is_step``), for their ids alone, and records are left out. Of any other
        that sends both, what comes second is a step, or left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mesh_traffic import Exchange, replace
from tap.live.coverage import SourceCount
from tap.otlp import logs, messages, spans
from tap.otlp.attributes import Names

MAX_ITEMS = 10_000  # spans or records of one message; the Collector sends 8,192 at most by default
MAX_REMEMBERED = 20_000  # spans of which a record has told, or the other way round

TOO_MANY = f"a message may have {MAX_ITEMS:,} spans or records"
NO_IDS = "a span needs a trace_id of 16 bytes and a span_id of 8, not all zero"


@dataclass(slots=True)
class Count:
    """Of one source. ``other``: records that tell of no request, or of one that is known."""

    seen: int = 0
    refused: int = 0
    other: int = 0


@dataclass(slots=True)
class Told:
    """One message. ``exchanges`` are made as they are taken; then ``answer`` is complete."""

    exchanges: Iterator[Exchange] = iter(())
    refused: int = 0
    why: str = ""
    write: Callable[[int, str], bytes] = messages.traces_answer

    def answer(self) -> bytes:
        return self.write(self.refused, self.why)


@dataclass(slots=True)
class Reader:
    """``ids`` are for exchanges; ``is_captured`` tells of a node whether its requests are seen by
    captures. ``counts`` are by source."""

    ids: Iterator[str]
    names: Names
    is_captured: Callable[[str], bool]
    counts: dict[str, Count] = field(
        default_factory=lambda: {spans.SOURCE: Count(), logs.SOURCE: Count()}
    )
    _known: dict[str, str] = field(default_factory=dict)  # a span → the source that told it

    def counted(self) -> dict[str, SourceCount]:
        """What came of each source; what was refused is lost."""
        return {name: SourceCount(each.seen, each.refused) for name, each in self.counts.items()}

    def traces(self, data: bytes) -> Told:
        """An ExportTraceServiceRequest. Raises OtlpError, which is counted."""
        told = Told(write=messages.traces_answer)
        request = self._parsed(messages.traces, data, spans.SOURCE)
        told.exchanges = self._spans(request.resource_spans, told)
        return told

    def logs(self, data: bytes) -> Told:
        """An ExportLogsServiceRequest. Raises OtlpError, which is counted."""
        told = Told(write=messages.logs_answer)
        request = self._parsed(messages.logs, data, logs.SOURCE)
        told.exchanges = self._records(request.resource_logs, told)
        return told

    def _parsed(self, parse: Callable[[bytes], Any], data: bytes, source: str) -> Any:
        try:
            return parse(data)
        except messages.OtlpError:
            self.counts[source].refused += 1
            raise

    def _spans(self, resources: Iterable[Any], told: Told) -> Iterator[Exchange]:
        count = self.counts[spans.SOURCE]
        for sender, span in self._bounded(resources, "scope_spans", "spans", count, told):
            exchange = spans.exchange_of(span, sender, self.names, next(self.ids), self.is_captured)
            if exchange is None:
                _refuse(count, told, 1, NO_IDS)
                continue
            count.seen += 1
            if not exchange.is_step and self._is_known(exchange):
                exchange = replace(exchange, trace=replace(exchange.trace, kind=spans.PROXY))
            yield exchange

    def _records(self, resources: Iterable[Any], told: Told) -> Iterator[Exchange]:
        count = self.counts[logs.SOURCE]
        for sender, record in self._bounded(resources, "scope_logs", "log_records", count, told):
            exchange = logs.exchange_of(record, sender, self.names, next(self.ids))
            count.seen += 1
            if exchange is None or self.is_captured(sender.node) or self._is_known(exchange):
                count.other += 1
            else:
                yield exchange

    def _bounded(
        self, resources: Iterable[Any], scopes: str, items: str, count: Count, told: Told
    ) -> Iterator[tuple[spans.Sender, Any]]:
        """Each span or record with its sender, as many as one message may have."""
        room = MAX_ITEMS
        for resource in resources:
            sender = spans.Sender.of(resource.resource, self.names)
            for scope in getattr(resource, scopes):
                found = getattr(scope, items)
                for at, item in enumerate(found):
                    if at >= room:
                        _refuse(count, told, len(found) - at, TOO_MANY)
                        break
                    yield sender, item
                room = max(0, room - len(found))

    def _is_known(self, exchange: Exchange) -> bool:
        """Whether the other source told of it; else it is remembered that this one did."""
        trace, (source,) = exchange.trace, exchange.sources
        if not trace.span_id:
            return False
        known = self._known.setdefault(trace.trace_id + trace.span_id, source)
        if len(self._known) > MAX_REMEMBERED:
            del self._known[next(iter(self._known))]
        return known != source


def _refuse(count: Count, told: Told, number: int, why: str) -> None:
    count.refused += number
    told.refused += number
    told.why = why
