"""``meshloom debug holds``, ``continue``, ``step``, ``abort``: what is held, from any shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.arguments import Json, MeshName
from meshloom.debug import options

if TYPE_CHECKING:
    from debugger.gate.hold import Release, Verb


def holds(as_json: Json = False, mesh: MeshName = None) -> None:
    """Show the breakpoints of the running mesh, and what they hold."""
    options.run(_list(options.desk_socket(mesh), as_json))


async def _list(socket: Path, as_json: bool) -> None:
    from debugger.console.console import held_line
    from debugger.desk import wire
    from debugger.desk.client import desk_at
    from debugger.gate.hold import Held
    from tap.lines import printable

    async with desk_at(socket) as desk:
        told = await desk.ask("list")
    if as_json:
        typer.echo(json.dumps({name: told[name] for name in ("breakpoints", "holds")}))
        return
    for one in told["breakpoints"]:
        typer.echo(printable(_breakpoint_line(one)))
    for each in told["holds"]:
        held = wire.event_from_json(each)
        if isinstance(held, Held):
            typer.echo(held_line(held))
    if not told["breakpoints"] and not told["holds"]:
        typer.echo("no breakpoints, and nothing is held")


def _breakpoint_line(one: dict[str, Any]) -> str:
    times = f"   {one['held']} held of {one['hits']} hits"
    return f"{one['id']}  {one['sentence']}   {one['phase']}, fail-{one['on_end']}{times}"


def continue_(
    hold: options.HoldId,
    set_: options.Set = None,
    remove: options.Remove = None,
    body: options.NewBody = None,
    mesh: MeshName = None,
) -> None:
    """Let a held request go, changed or as it came."""
    _let_go(hold, _edited("continue", set_, remove, body), mesh)


def step(
    hold: options.HoldId,
    set_: options.Set = None,
    remove: options.Remove = None,
    body: options.NewBody = None,
    mesh: MeshName = None,
) -> None:
    """Let a held request go to its next phase: its body, its response, the response's body."""
    _let_go(hold, _edited("step", set_, remove, body), mesh)


def abort(
    hold: options.HoldId,
    status: Annotated[int, typer.Option("--status", min=200, max=599, help="Of the answer.")] = 503,
    set_: options.Set = None,
    body: options.NewBody = None,
    mesh: MeshName = None,
) -> None:
    """Answer a held request at once, in the place of whoever would."""
    from debugger.gate.answers import Abort
    from debugger.gate.hold import Release

    given = Abort(status, options.body(body) or b"", options.fields(set_))
    _let_go(hold, Release("abort", abort=given), mesh)


def _edited(
    verb: Verb, set_: list[str] | None, remove: list[str] | None, body: str | None
) -> Release:
    from debugger.gate.edit import Edit
    from debugger.gate.hold import Release

    edit = Edit(options.fields(set_), tuple(remove or ()), options.body(body))
    return Release(verb, edit)


def _let_go(hold: str, release: Release, mesh: str | None) -> None:
    options.run(_release(options.desk_socket(mesh), hold, release))


async def _release(socket: Path, hold: str, release: Release) -> None:
    from debugger.desk.client import desk_at

    async with desk_at(socket) as desk:
        await desk.release(hold, release)
