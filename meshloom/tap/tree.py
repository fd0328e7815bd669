"""``meshloom tap tree``: one request's way through the mesh, a line for each hop."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.tap import options

if TYPE_CHECKING:
    from mesh_traffic import Exchange
    from tap.store import Reader
    from tap.tree.hops import Hop

STORED_WITHIN = 1.5  # seconds; a line is on the screen a moment before it is in the store
LOOK_EVERY = 0.1

_Id = Annotated[str, typer.Argument(metavar="ID", help="An id as the lines show it, of any hop.")]
_Json = Annotated[bool, typer.Option("--json", help="The tree as JSON.")]


def tree(
    id_: _Id,
    as_json: _Json = False,
    mesh: options.MeshName = None,
    store: options.StoreFile = None,
) -> None:
    """Show a request's hops from service to service, with their times, tries and flags.

    ID may be that of any of its exchanges; its others are those with the same x-request-id or in
    the same trace. What a service that passes on neither sends begins a tree of its own.
    """
    from tap.lines import tree as lines
    from tap.tree.hops import hops_of
    from tap.tree.related import MAX_RELATED, of_request, related

    with options.opened(mesh, store) as reader:
        asked = _exchange(reader, id_)
        found = related(reader, asked)
    hops = of_request(hops_of(found), asked)
    if len(found) >= MAX_RELATED:
        note = f"more than {MAX_RELATED:,} share its ids: what is farthest in time is left out"
        typer.echo(f"meshloom: {note}", err=True)
    if as_json:
        typer.echo(json.dumps([_to_json(hop) for hop in hops]))
        return
    for line in lines(hops):
        typer.echo(line)


def _exchange(reader: Reader, id_: str) -> Exchange:
    end = time.monotonic() + STORED_WITHIN
    while not (found := reader.by_id(id_)):
        if time.monotonic() > end:
            options.bad_input(f"{reader.path}: no exchange with id {id_}")
        time.sleep(LOOK_EVERY)
    time.sleep(LOOK_EVERY)  # its other hops may end a moment later
    return found[0]


def _to_json(hop: Hop) -> dict[str, Any]:
    from tap.live.wire import exchange_to_json

    return {
        "sent": None if hop.sent is None else exchange_to_json(hop.sent),
        "arrived": [exchange_to_json(each) for each in hop.arrived],
        "then": [_to_json(each) for each in hop.then],
    }
