"""``meshloom debug doctor``: what is wrong with a running mesh, or with files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.arguments import Json, MeshName, Variables, parse_variables, pattern_file

if TYPE_CHECKING:
    from debugger.doctor.finding import Told
    from debugger.doctor.picture import Node, Picture

MAX_NAMED = 5  # nodes of one finding that a line names


def doctor(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES...]",
            parser=pattern_file,
            help="Pattern files, looked at without running; else the running mesh.",
        ),
    ] = None,
    mesh: MeshName = None,
    var: Variables = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong: by what it is seen, which line made it, what to do.

    Exits 0 when all is well, 1 when something is ill. Of files, only what needs no Envoy is told.
    """
    from debugger.doctor.checks import CHECKS, OF_CONFIG, examine

    checks = OF_CONFIG if files else CHECKS
    picture = _of_files(files, parse_variables(var)) if files else asyncio.run(_of_mesh(mesh))
    found = examine(picture, checks)
    if as_json:
        shown = [_as_json(each) for each in found]
        nodes = [each.name for each in picture.nodes]
        told = {"well": not found, "nodes": nodes, "checks": list(checks), "findings": shown}
        typer.echo(json.dumps(told))
    else:
        for line in _lines(found, picture, len(checks)):
            typer.echo(line)
    raise typer.Exit(1 if found else 0)


def _of_files(files: Sequence[Path], variables: Mapping[str, str]) -> Picture:
    """Raises ``DocumentError``."""
    from debugger.configs.pushed import of_resource
    from debugger.doctor.picture import Node, Picture
    from mesh_patterns.compile import compile_mesh
    from mesh_patterns.load import load
    from mesh_patterns.placement import Placement

    draft = load(files, variables)
    snapshots = compile_mesh(draft, Placement.imagined(draft.mesh))
    nodes = (
        Node(name, pushed=tuple(map(of_resource, snapshot))) for name, snapshot in snapshots.items()
    )
    return Picture(tuple(nodes))


async def _of_mesh(name: str | None) -> Picture:
    """Raises ``NoMesh``."""
    from debugger.doctor import collect
    from meshloom.control_client import AskError, Target
    from meshloom.debug.nodes import admins_of
    from meshloom.state import find_mesh

    state = find_mesh(name).state
    admins = admins_of(state, list(state["envoys"]))
    target = Target(str(state["control_plane"]))
    try:
        status = target.ask("Status")
        nodes = [_node(target, each) for each in status["nodes"]]
    except AskError as error:
        return await collect.picture(_unknown(admins), admins, workloads(state), silent=str(error))
    return await collect.picture(nodes, admins, workloads(state), status["releases"])


def _node(target: Any, status: Mapping[str, Any]) -> Node:
    from debugger.configs.pushed import read
    from debugger.doctor.picture import Node

    told = target.ask("Contents", node=status["node"])
    pushed = tuple(read(told["resources"]))
    return Node(status["node"], told["kind"], pushed, bool(status["connected"]))


def _unknown(admins: Mapping[str, str]) -> list[Node]:
    """Of which only the Envoys themselves can tell."""
    from debugger.doctor.picture import Node

    return [Node(each) for each in admins]


def workloads(state: Mapping[str, Any]) -> dict[str, str]:
    """The addresses of the programs behind Envoys, by their instances' ids."""
    return {
        each["id"]: each["workload"]
        for service in state.get("services", {}).values()
        if service["dataplane"] == "sidecar"
        for each in service["versions"].values()
    }


def _as_json(told: Told) -> dict[str, Any]:
    finding = told.finding
    return {
        "check": told.check,
        "nodes": told.nodes,
        "what": finding.what,
        "evidence": list(finding.evidence),
        "place": finding.place,
        "proposal": finding.proposal,
    }


def _lines(found: Sequence[Told], picture: Picture, checks: int) -> Iterator[str]:
    for told in found:
        finding = told.finding
        place = f"{finding.place}: " if finding.place else ""
        yield f"✗ {place}{finding.what}   [{told.check}]"
        if told.nodes:
            more = len(told.nodes) - MAX_NAMED
            also = f" and {more} more" if more > 0 else ""
            yield f"    at {', '.join(told.nodes[:MAX_NAMED])}{also}"
        yield from (f"    {line}" for line in finding.evidence)
        if finding.proposal:
            yield f"    → {finding.proposal}"
    nodes = len(picture.nodes)
    ill = f"{len(found)} ills" if len(found) != 1 else "1 ill"
    yield (
        f"{ill} found by {checks} checks of {nodes} nodes"
        if found
        else (f"{nodes} nodes, {checks} checks: all is well")
    )
