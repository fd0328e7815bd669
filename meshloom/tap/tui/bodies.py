"""A body for the detail pane: decoded as ``tap.content`` has it, a bounded part of it."""

from __future__ import annotations

from collections.abc import Iterator

from mesh_traffic import Body, Exchange
from meshloom.tap.tui.words import Line
from tap.content import Schema, Side, View, view
from tap.printable import printable

MAX_LINES = 2_000
MAX_LINE = 4_000  # characters


def body(exchange: Exchange, side: Side, schema: Schema | None = None) -> Iterator[Line]:
    """What there is of it, and what there is not. ``schema`` names the fields of gRPC messages."""
    message = exchange.request if side == "request" else exchange.response
    kept = Body() if message is None else message.body
    shown = view(exchange, side, schema)
    if not kept.data and not shown.text:  # a gRPC error has a status and no body
        yield ((_nothing(kept), "quiet"),)
        return
    yield ((_about(kept, shown), "quiet"),)
    lines = shown.text.splitlines()
    for one in lines[:MAX_LINES]:
        yield from _line(one)
    if len(lines) > MAX_LINES:
        yield ((f"… {len(lines) - MAX_LINES:,} more lines", "quiet"),)
    for note in shown.notes:
        yield ((f"({printable(note)})", "quiet"),)


def _line(text: str) -> Iterator[Line]:
    yield ((printable(text[:MAX_LINE].expandtabs(4)), ""),)
    if len(text) > MAX_LINE:
        yield ((f"… {len(text) - MAX_LINE:,} more characters in this line", "quiet"),)


def _about(body: Body, shown: View) -> str:
    """``body, 3,012 of 20,000 bytes, gzip of 8,102 bytes, json``"""
    kept = f"{len(body.data):,} of {_size(body)}" if body.truncated else _size(body)
    coded = [f"{', '.join(shown.codings)} of {shown.size:,} bytes"] if shown.codings else []
    return printable(", ".join(("body", kept, *coded, shown.kind)))


def _nothing(body: Body) -> str:
    if body.truncated:
        return f"body not captured, {_size(body)}"
    return "no body" if body.size == 0 else "no body captured"


def _size(body: Body) -> str:
    size = body.size if body.truncated else body.size or len(body.data)
    return "? bytes" if size is None else f"{size:,} bytes"
