"""``meshloom rollback``: back to the config that every node had accepted."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from meshloom.arguments import Json
from meshloom.control_client import Target, answered, targeted


@targeted
def rollback(
    target: Target,
    nodes: Annotated[
        list[str] | None, typer.Argument(metavar="[NODE]...", help="Only these; else all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Return the running mesh to the last config that every node had accepted.

    Until its files change. Exits 1 where there is none to return to.
    """
    found = answered("rollback", lambda: target.ask("Rollback", nodes=nodes or []))
    if as_json:
        typer.echo(json.dumps(found))
        return
    where = f"{', '.join(nodes)}: " if nodes else ""
    typer.echo(f"{where}back to version {found['version']} (was {found['instead_of']})")
