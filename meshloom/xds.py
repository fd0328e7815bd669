"""``meshloom xds``: what the control plane's clients were sent, and what they made of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from meshloom import xds_lines
from meshloom.arguments import Json
from meshloom.control_client import AskError, Target, answered, targeted

app = typer.Typer(
    help="What clients were sent, accepted, and have in effect.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

OneNode = Annotated[str, typer.Argument(metavar="NODE", help="A node's id.")]
AnyNode = Annotated[str | None, typer.Argument(metavar="[NODE]", help="A node's id; else all.")]


@app.command()
@targeted
def status(
    target: Target,
    node: AnyNode = None,
    as_json: Json = False,
) -> None:
    """Where every client stands, or each type of one.

    ``--server`` may be any control plane that speaks CSDS (istiod does); of ours more is known.
    """
    found = answered("xds status", lambda: _status(target, node))
    _print(found, as_json, xds_lines.node if node else xds_lines.nodes)


def _status(target: Target, node: str | None) -> dict[str, Any]:
    try:
        return target.ask("Status", **({"node": node} if node else {}))
    except AskError as error:
        if error.status != "UNIMPLEMENTED":
            raise
        from meshloom import csds_client

        return csds_client.status(target, node)


@app.command()
@targeted
def diff(
    target: Target,
    node: OneNode,
    everything: Annotated[bool, typer.Option("--all", help="Also what does not differ.")] = False,
    as_json: Json = False,
) -> None:
    """What is to be, was sent, was accepted and is in effect, where these differ.

    Exits 1 where something does.
    """
    found = answered("xds diff", lambda: target.ask("Diff", node=node, all=everything))
    _print(found, as_json, xds_lines.difference)
    raise typer.Exit(0 if found["connected"] and found["settled"] else 1)


@app.command()
@targeted
def history(
    target: Target,
    node: OneNode,
    as_json: Json = False,
) -> None:
    """What happened to a client: streams, responses, its answers and how long they took."""
    found = answered("xds history", lambda: target.ask("History", node=node))
    _print(found, as_json, xds_lines.history)


@app.command()
@targeted
def loads(
    target: Target,
    node: AnyNode = None,
    as_json: Json = False,
) -> None:
    """What clients reported of their load (LRS), by cluster."""
    asked = {"node": node} if node else {}
    _print(answered("xds loads", lambda: target.ask("Loads", **asked)), as_json, xds_lines.loads)


def _print(
    found: dict[str, Any], as_json: bool, lines: Callable[[dict[str, Any]], Iterator[str]]
) -> None:
    for line in [json.dumps(found)] if as_json else lines(found):
        typer.echo(line)
