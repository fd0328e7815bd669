"""Bodies decoded for people and programs: ``view(exchange, side)`` says what a body is and holds.

First the content codings are undone, then the media type chooses a decoder from ``table.CONTENT``,
or the bytes do where there is none. Values in, values out: only ``descriptors``, ``reflection``'s
door and mitmproxy's views (``tap.flows``) touch another library. Bodies are hostile: every
expansion, depth and count has a named limit, and any bytes with any headers give a view.

Give it what the redactor gave out: a view shows all that the body holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mesh_traffic import Exchange
from tap.coding import MAX_EXPANDED, codings_of, undo
from tap.content.nouns import Content, Schema, Side, Undecodable, View
from tap.content.table import decode
from tap.content.text import binary, bounded
from tap.content.websocket import Deflate, is_websocket, websocket_view

__all__ = ["Schema", "Side", "View", "decoded", "view"]


def view(exchange: Exchange, side: Side, schema: Schema | None = None) -> View:
    """The body of the request or of the response. ``schema`` names the fields of gRPC messages.

    Never raises. A body that is empty, or was not kept, has the kind ``empty``.
    """
    content = Content.of(exchange, side, schema)
    content, undone_notes, codings, left = _uncoded(content)
    if left:
        shown = binary(content, decode)
    elif is_websocket(exchange) and content.data:
        shown = _websocket(exchange, content)
    elif content.data or content.type.name.startswith("application/grpc"):
        shown = decode(content)
    else:
        shown = View("empty")
    told = replace(shown.noted(*undone_notes), codings=codings, size=len(content.data))
    return bounded(told)


def decoded(exchange: Exchange, schema: Schema | None = None) -> dict[str, Any]:
    """Both bodies as plain JSON values: ``{"request": {"kind": …}, "response": …}``.

    ``value`` where there is structure, else ``text``; no response is None.
    """
    return {
        "request": _to_json(view(exchange, "request", schema)),
        "response": exchange.response and _to_json(view(exchange, "response", schema)),
    }


def _to_json(shown: View) -> dict[str, Any]:
    held = {"text": shown.text} if shown.value is None else {"value": shown.value}
    about = {"kind": shown.kind, "codings": list(shown.codings), "size": shown.size}
    return {**about, **held, "notes": list(shown.notes)}


def _uncoded(content: Content) -> tuple[Content, tuple[str, ...], tuple[str, ...], str]:
    """The content without its codings, and within the limit."""
    undone = undo(content.data, codings_of(content.headers.get_all("content-encoding")))
    data, notes = undone.data, undone.notes
    if len(data) > MAX_EXPANDED:
        data, notes = (
            data[:MAX_EXPANDED],
            (*notes, f"only the first {MAX_EXPANDED:,} bytes are read"),
        )
    cut = content.cut or undone.cut or len(data) < len(undone.data)
    return replace(content, data=data, cut=cut), notes, undone.codings, undone.left


def _websocket(exchange: Exchange, content: Content) -> View:
    try:
        return websocket_view(content, Deflate.of(exchange, content.side), decode)
    except Undecodable as error:
        return binary(content, decode).noted(str(error))
