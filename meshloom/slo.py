"""``meshloom slo``: do the services of a running mesh keep what they promise?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.arguments import Json, MeshName, parse_for
from meshloom.output import emit

if TYPE_CHECKING:
    from debugger.traffic.objectives import Kept


def slo(
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Of a time from now on; else all so far."),
    ] = None,
    mesh: MeshName = None,
    as_json: Json = False,
) -> None:
    """Compare what Envoys have counted with the objectives of the services.

    Says what is left of each error budget, and which edges spend it. Exits 0 when all are kept, 1
    when one is not, 2 where no mesh runs or nobody promised anything.
    """
    from debugger.admin.interface import AdminError
    from meshloom.state import find_mesh

    state = find_mesh(mesh).state
    if not state.get("objectives"):
        typer.echo("meshloom slo: no service has an 'objective'; give it one", err=True)
        raise typer.Exit(2)
    try:
        found = asyncio.run(_kept(state, parse_for(for_)))
    except AdminError as error:
        typer.echo(f"meshloom slo: {error}", err=True)
        raise typer.Exit(2) from error
    for each in found:
        if as_json:
            emit("objective", **each.plain())
        else:
            _show(each)
    if not found and not as_json:
        typer.echo("no request so far", err=True)
    raise typer.Exit(0 if all(each.holds for each in found) else 1)


async def _kept(state: dict[str, Any], seconds: float | None) -> list[Kept]:
    """Raises ``AdminError``."""
    from debugger.traffic import ask
    from debugger.traffic.flow import flows
    from debugger.traffic.objectives import kept

    admins = ask.admins_of(state)
    before = None
    if seconds is not None:
        before = await ask.readings(admins)
        await asyncio.sleep(seconds)
    return list(kept(state["objectives"], flows(state, await ask.told(admins, before))))


def _show(each: Kept) -> None:
    mark = "✓" if each.holds else "✗"
    if each.budget is None:
        said = f"{each.seen:.3f} s of {each.promised:g} s"
    else:
        left = f"{each.budget:.0%} of the budget left" if each.budget >= 0 else "budget overspent"
        said = f"{each.seen:.2f} % of {each.promised:g} %   {left}"
    typer.echo(f"  {mark} {each.service:16} {each.what:12} {said}   ({each.requests:,} requests)")
    for caller, callee, failed in each.spent_by:
        typer.echo(f"      {failed:,} failed at {caller} -> {callee}")
