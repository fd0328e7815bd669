"""A body as the page shows it: decoded, as text, or in hexadecimal. Bounded, and never raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mesh_traffic import Body, Exchange
from tap.coding import codings_of, undo
from tap.content import Schema, Side, view
from tap.content.text import MAX_DUMPED, MAX_TEXT, clean, hexdump
from tap.export.words import cut

# mitmweb's highlighters, by the kind that a view has
HIGHLIGHT = {"json": "yaml", "grpc": "yaml", "html": "xml", "xml": "xml", "css": "css"}


@dataclass(frozen=True, slots=True)
class Shape:
    """``description`` is shown beside the name of the view: what the body is, what is missing."""

    text: str
    view_name: str
    syntax_highlight: str
    description: str


def _decoded(exchange: Exchange, side: Side, schema: Schema | None) -> Shape:
    it = view(exchange, side, schema)
    codings = f"{' '.join(it.codings)} undone" if it.codings else ""
    parts = (it.kind, codings, cut(_body(exchange, side)), *it.notes)
    highlight = HIGHLIGHT.get(it.kind.partition(" ")[0], "none")
    return Shape(it.text, "decoded", highlight, "; ".join(filter(None, parts)))


def _raw(exchange: Exchange, side: Side, schema: Schema | None) -> Shape:
    data, described = _undone(exchange, side)
    text = clean(data[: 4 * MAX_TEXT].decode("utf-8", "replace")[:MAX_TEXT])
    return Shape(text, "raw", "none", described)


def _dump(exchange: Exchange, side: Side, schema: Schema | None) -> Shape:
    data, described = _undone(exchange, side)
    more = f"the first {MAX_DUMPED:,} bytes" if len(data) > MAX_DUMPED else ""
    return Shape(hexdump(data[:MAX_DUMPED]), "hex dump", "none", more or described)


Shaper = Callable[[Exchange, Side, Schema | None], Shape]
SHAPES: Mapping[str, Shaper] = {"auto": _decoded, "raw": _raw, "hex dump": _dump}


def _body(exchange: Exchange, side: Side) -> Body:
    message = exchange.request if side == "request" else exchange.response
    return Body() if message is None else message.body


def _undone(exchange: Exchange, side: Side) -> tuple[bytes, str]:
    message = exchange.request if side == "request" else exchange.response
    if message is None:
        return b"", ""
    undone = undo(message.body.data, codings_of(message.headers.get_all("content-encoding")))
    return undone.data, "; ".join(filter(None, (cut(message.body), *undone.notes)))
