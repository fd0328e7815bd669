"""``meshloom graph``: who asks whom in a running mesh, how often, and how long it takes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from meshloom.arguments import Json, MeshName, parse_for

if TYPE_CHECKING:
    from debugger.traffic.flow import State
    from debugger.traffic.graph import Graph

Notation = Literal["text", "mermaid", "dot", "svg"]


def graph(
    form: Annotated[
        Notation, typer.Option("--output", "-o", help="A tree, or a picture's source.")
    ] = "text",
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Of a time from now on; else all so far."),
    ] = None,
    mesh: MeshName = None,
    as_json: Json = False,
) -> None:
    """Draw a running mesh from what its Envoys have counted: requests, failures, times by edge.

    Counts are of upstream requests, tries and all. Exits 2 where no mesh runs.
    """
    from debugger.admin.interface import AdminError
    from debugger.traffic.graph import NOTATIONS
    from meshloom.state import find_mesh

    try:
        found = asyncio.run(_graph(find_mesh(mesh).state, parse_for(for_)))
    except AdminError as error:
        typer.echo(f"meshloom graph: {error}", err=True)
        raise typer.Exit(2) from error
    if as_json:
        typer.echo(json.dumps(found.plain()))
        return
    if not found.arrows:
        typer.echo("no request so far", err=True)
    for line in NOTATIONS[form](found):
        typer.echo(line)


async def _graph(state: State, seconds: float | None) -> Graph:
    """Raises ``AdminError``."""
    from debugger.traffic import ask
    from debugger.traffic.flow import flows
    from debugger.traffic.graph import Graph

    admins = ask.admins_of(state)
    before = None
    if seconds is not None:
        before = await ask.readings(admins)
        await asyncio.sleep(seconds)
    return Graph.of(flows(state, await ask.told(admins, before)))
