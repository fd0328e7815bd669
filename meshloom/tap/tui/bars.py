"""Where an exchange's time went, as bars on one scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mesh_traffic import Exchange
from meshloom.tap.tui.words import Line
from tap.lines import milliseconds

_CELLS = {(True, True): "━", (True, False): "╸", (False, True): "╺", (False, False): " "}


@dataclass(frozen=True, slots=True)
class Span:
    """A part of an exchange, in seconds since it started."""

    name: str
    start: float
    end: float


def spans(exchange: Exchange) -> list[Span]:
    """The parts whose both ends are known. They may overlap: a request may still be coming in
    while its first bytes are at the upstream."""
    timing = exchange.timing
    before = "other tries" if exchange.attempts > 1 else "in Envoy"
    found = (
        ("request", 0.0, timing.asked),
        (before, min(timing.asked or 0.0, timing.sent or 0.0), timing.sent),
        ("upstream", timing.sent, timing.answered),
        ("response", timing.answered, timing.ended),
    )
    return [
        Span(name, max(0.0, start), max(0.0, start, end))
        for name, start, end in found
        if start is not None and end is not None
    ]


def bar(span: Span, total: float, width: int) -> str:
    """``span`` on a line of ``width`` cells that stands for ``total`` seconds, in half cells.
    The shortest is half a cell."""
    halves = 2 * width
    scale = halves / total if total > 0 else 0.0
    start = min(round(span.start * scale), halves - 1)
    end = min(max(round(span.end * scale), start + 1), halves)
    lit = [start <= at < end for at in range(halves)]
    return "".join(_CELLS[pair] for pair in zip(lit[::2], lit[1::2], strict=True))


def bars(exchange: Exchange, width: int) -> Iterator[Line]:
    """A line for each part; nothing where nobody saw when they were."""
    found = spans(exchange)
    total = max((exchange.duration or 0.0, *(span.end for span in found)))
    for span in found:
        took = milliseconds(span.end - span.start)
        drawn = bar(span, total, max(8, width - 24))
        yield (f"{span.name:<12}", "quiet"), (drawn, "bar"), (f"  {took:>9}", "")
