"""``meshloom debug diff``: where a node does not go by what it was sent, field by field."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.arguments import Json
from meshloom.control_client import AskError, Target, answered, targeted

if TYPE_CHECKING:
    from debugger.configs.difference import Difference, FieldDifference

_STAGES = {
    "to_be": "to be",
    "sent": "sent",
    "accepted": "accepted",
    "in_effect": "in effect",
    "waiting": "warming",
}


@targeted
def diff(
    target: Target,
    node: Annotated[str, typer.Argument(metavar="NODE", help="A node's id.")],
    admin: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Its admin interface, if it is not our mesh's."),
    ] = None,
    as_json: Json = False,
) -> None:
    """What a node was sent, has accepted, and goes by, field by field where these differ.

    Defaults and ways of writing are no differences. Exits 1 where something differs.
    """
    from debugger.admin.interface import AdminError
    from debugger.configs.normal import NotReadable
    from meshloom.debug.nodes import bad_input

    told = answered("debug diff", lambda: _contents(target, node))
    try:
        address = admin or _admin(target, node)
        found = asyncio.run(_differences(told, address))
    except (AdminError, NotReadable, ValueError) as error:
        bad_input("diff", error, error)
    settled = told["connected"] and not found
    if as_json:
        shown = {key: told[key] for key in ("node", "kind", "connected", "version")}
        asked = {"in_effect": "asked" if address else "unknown", "settled": settled}
        typer.echo(json.dumps({**shown, **asked, "resources": [*map(asdict, found)]}))
    else:
        for line in _lines(told, found, address):
            typer.echo(line)
    raise typer.Exit(0 if settled else 1)


def _contents(target: Target, node: str) -> dict[str, Any]:
    try:
        return target.ask("Contents", node=node)
    except AskError as error:
        if error.status != "UNIMPLEMENTED":
            raise
        from meshloom import csds_client

        return csds_client.contents(target, node)


def _admin(target: Target, node: str) -> str | None:
    """Where the node can be asked itself: known of the meshes of this machine."""
    from meshloom.state import running

    for mesh in running():
        if mesh.state["control_plane"] == target.address and node in mesh.state["envoys"]:
            return str(mesh.state["envoys"][node]["admin"])
    return None


async def _differences(told: dict[str, Any], address: str | None) -> list[Difference]:
    from debugger.admin.interface import interfaces, understood
    from debugger.configs import runtime
    from debugger.configs.difference import Compared, differences
    from debugger.configs.pushed import read
    from xds_server.clients import dump

    pushed = read(told["resources"])
    unserved = [(each["type"], each["name"]) for each in told["unserved"]]
    if address is None:
        return list(differences(Compared(pushed, None, unserved)))
    async with interfaces({told["node"]: address}) as envoys:
        envoy = envoys[told["node"]]
        config, layers = await envoy.ask("config"), await envoy.ask("runtime")
    with understood(envoy.address):
        found = list(differences(Compared(pushed, dump.read(config), unserved)))
        return [*found, *runtime.differences(pushed, layers)]


def _lines(told: dict[str, Any], found: list[Difference], address: str | None) -> Iterator[str]:
    node = told["node"]
    if not told["connected"]:
        yield f"{node} is not connected"
    elif not found:
        version = f" (version {told['version']})" if told["version"] else ""
        asked = "" if address else "; what is in effect nobody could be asked"
        yield f"{node}: nothing differs{version}{asked}"
    for each in found:
        place = f"   {each.place}" if each.place else ""
        yield f"{each.type} {each.name}: {each.words[0]}{place}"
        for words in each.words[1:]:
            yield f"    {words}"
        for field in each.fields:
            yield _field(field)
        if more := each.fields_in_all - len(each.fields):
            yield f"    and {more} fields more"


def _field(field: FieldDifference) -> str:
    """Stages with the same value stand together: ``sent, accepted '/b'   in effect '/a'``."""
    of: dict[str, list[str]] = {}
    for stage, value in field.values.items():
        of.setdefault(_value(value), []).append(_STAGES[stage])
    parts = "   ".join(f"{', '.join(stages)} {value}" for value, stages in of.items())
    return f"    {field.path}   {parts}" + (f"   {field.place}" if field.place else "")


def _value(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
