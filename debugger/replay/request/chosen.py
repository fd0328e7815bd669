"""Which exchange an id means: one of its own, or that of a whole request, whose first hop it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_traffic import Exchange
from tap.tree.hops import hops_of

if TYPE_CHECKING:
    from tap.store import Reader

MAX_RELATED = 2_000  # exchanges of one request
MAX_NAMED = 5  # in a message


class NotOne(LookupError):
    """An id that stands for nothing, or for several; the message names them."""


def chosen(reader: Reader, id_: str) -> Exchange:
    """The exchange with that id; else the first hop of the request whose ``x-request-id`` it is.

    Raises NotOne, StoreError.
    """
    found = reader.by_id(id_)
    if not found:
        found = _first_hops(reader, id_)
    if not found:
        raise NotOne(f"{reader.path}: no exchange and no request with id {id_}")
    if len(found) > 1:
        named = ", ".join(_named(each) for each in found[:MAX_NAMED])
        more = ", …" if len(found) > MAX_NAMED else ""
        raise NotOne(f"id {id_} stands for {len(found)}: {named}{more}; name one of them")
    return found[0]


def _first_hops(reader: Reader, request_id: str) -> list[Exchange]:
    """Where the request entered the mesh; several if it came several times."""
    if not request_id:
        return []
    related = [
        each
        for each in reader.related([request_id], [], 0.0, MAX_RELATED)
        if each.request_id == request_id and not each.is_step
    ]
    roots = [hop.exchange.id for hop in hops_of(related)]
    return reader.by_id(*roots)


def _named(exchange: Exchange) -> str:
    return f"{exchange.id} ({exchange.direction} at {exchange.node})"
