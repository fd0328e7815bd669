"""``meshloom render``: the exact resources that a file becomes, each with its line."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from meshloom.arguments import Files, Variables, parse_variables


class Format(StrEnum):
    """How resources are printed."""

    YAML = "yaml"
    JSON = "json"


def render(
    files: Files,
    node: Annotated[str | None, typer.Option("--node", help="Only this Envoy's.")] = None,
    output: Annotated[Format, typer.Option("--output", "-o")] = Format.YAML,
    var: Variables = None,
) -> None:
    """Print the xDS resources of each Envoy.

    Exactly as they are sent, each part with the line that made it.

    Ports are counted up from 20000 here; a running mesh has free ones.
    """
    from mesh_patterns.compile import compile_mesh
    from mesh_patterns.load import load
    from mesh_patterns.placement import Placement
    from mesh_yaml.suggest import suggest

    draft = load(files, parse_variables(var))
    snapshots = compile_mesh(draft, Placement.imagined(draft.mesh))
    if node is not None and node not in snapshots:
        typer.echo(f"meshloom: no Envoy {node!r}{suggest(node, snapshots)}", err=True)
        raise typer.Exit(2)
    shown = {name: _resources(s) for name, s in snapshots.items() if node in (None, name)}
    if output is Format.JSON:
        typer.echo(json.dumps(shown, indent=2))
    else:
        _print_yaml(shown)


def _resources(snapshot: Any) -> list[dict[str, Any]]:
    from xds_server.mirror import render as shown

    return [
        {
            "name": resource.name,
            "version": resource.version,
            "origins": dict(resource.origins),
            "resource": {"@type": resource.type.type_url}
            | shown(resource.type.type_url, resource.body),
        }
        for resource in snapshot
    ]


def _print_yaml(shown: dict[str, list[dict[str, Any]]]) -> None:
    """Documents as people paste them elsewhere; where they come from stands in comments."""
    from mesh_yaml.yaml import dump

    for node, resources in shown.items():
        for resource in resources:
            typer.echo(f"---\n# {node}: {resource['name']}  version {resource['version']}")
            for path, place in resource["origins"].items():
                typer.echo(f"#   {path or '(all)'}: {place}")
            typer.echo(dump(resource["resource"]), nl=False)
