"""Exchanges as lines for people. Pure text: who prints it decides where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from mesh_traffic import Body, Exchange
from tap.flags import in_words
from tap.live.coverage import Coverage
from tap.printable import printable as printable
from tap.tree.hops import Hop

if TYPE_CHECKING:
    from tap.content import Schema, View

NO_RESPONSE = "---"  # in the place of a status: the client left, or there was none


def line(exchange: Exchange, zone: tzinfo | None = None) -> str:
    """One exchange: time, source and destination, request, status, milliseconds, flags, id."""
    request, response = exchange.request, exchange.response
    asked = f"{request.method} {request.path}".strip() or "no HTTP request"
    status = str(response.status) if response else NO_RESPONSE
    told = "   ".join(_told(exchange))
    parts = [
        f"{datetime.fromtimestamp(exchange.started, zone):%H:%M:%S.%f}"[:-3] + "  "
        f"{route(exchange):28}",
        f"{asked:20}",
        status,
        f"{milliseconds(exchange.duration):>8}",
        *([told] if told else []),
        f"id {exchange.id}",
    ]
    return printable("   ".join(parts))


def route(exchange: Exchange) -> str:
    """``productpage → reviews v2``. A client that is no service of the mesh is the listener's."""
    source = exchange.source
    known = f"{source.service} {source.version}".strip()
    return f"{known or exchange.direction or source} → {exchange.destination}"


def milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:,.0f} ms"


def bodies(exchange: Exchange, schema: Schema | None = None) -> Iterator[str]:
    """The bodies that were kept, decoded, indented below their exchange's line.

    ``schema`` names the fields of gRPC messages.
    """
    from tap.content import view  # 50 ms, and nothing to a line without bodies

    yield from _body("request", exchange.request.body, view(exchange, "request", schema))
    if exchange.response is not None:
        yield from _body("response", exchange.response.body, view(exchange, "response", schema))


def coverage_line(coverage: Coverage) -> str:
    """``watching 4 Envoys   1,204 seen   7 shown   0 lost``."""
    some = f"{coverage.watching} of " if coverage.watching != coverage.targets else ""
    envoys = "Envoy" if coverage.targets == 1 else "Envoys"
    parts = [
        f"watching {some}{coverage.targets} {envoys}",
        f"{coverage.seen:,} seen   {coverage.shown:,} shown   {coverage.lost:,} lost",
    ]
    for count, what in (
        (coverage.reduced, "without headers or bodies"),
        (coverage.sampled, "left out"),
        (coverage.not_stored, "could not be stored"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    return "   ".join([*parts, coverage.less] if coverage.less else parts)


def _body(side: str, body: Body, shown: View) -> Iterator[str]:
    if not body and not shown.text:  # a gRPC error has a status and no body
        return
    size = "?" if body.size is None else f"{body.size:,}"
    kept = f"{len(body.data):,} of {size}" if body.truncated else f"{len(body.data):,}"
    coded = f" ({', '.join(shown.codings)} of {shown.size:,} bytes)" if shown.codings else ""
    yield f"    {side} body, {kept} bytes{coded}, {printable(shown.kind)}"
    for one in shown.text.splitlines():
        yield f"    | {one}"
    for note in shown.notes:
        yield f"    ({printable(note)})"


def tree(hops: Sequence[Hop]) -> Iterator[str]:
    """A line for each hop of a request, the hops that it led to below it."""
    rows = [row for hop in hops for row in _rows(hop)]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(4)]
    for row in rows:
        cells = [
            f"{cell:>{width}}" if at > 1 else f"{cell:{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        yield printable("   ".join((*cells, *row[4:]))).rstrip()


def _rows(root: Hop) -> Iterator[tuple[str, ...]]:
    waiting = [(root, "", "")]
    while waiting:
        hop, first, rest = waiting.pop()
        yield _row(hop.exchange, first)
        for each in reversed(hop.then):
            last = each is hop.then[-1]
            more = ("└─ ", "   ") if last else ("├─ ", "│  ")
            waiting.append((each, rest + more[0], rest + more[1]))


def _row(exchange: Exchange, first: str) -> tuple[str, ...]:
    response = exchange.response
    asked = f"{exchange.request.method} {exchange.request.path}".strip() or "no HTTP request"
    status = str(response.status) if response else NO_RESPONSE
    return (
        first + route(exchange),
        asked,
        ("failed" if exchange.details else "") if exchange.is_step else status,
        milliseconds(exchange.duration),
        *_told(exchange),
        *(["span"] if exchange.trace.kind else []),
        f"id {exchange.id}",
    )


def _told(exchange: Exchange) -> Iterator[str]:
    if exchange.attempts > 1:
        yield f"{exchange.attempts} tries"
    yield from (f"{flag} {in_words(flag)}".strip() for flag in exchange.flags)
