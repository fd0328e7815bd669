"""``meshloom export``: a mesh in the words of others, for where else it is to run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from meshloom.arguments import Files, Json, Variables, parse_variables
from meshloom.output import as_json, count, write_text


def complete_dialect(incomplete: str) -> list[str]:
    """Names of dialects, for the shell."""
    from mesh_patterns.exporters.dialects import DIALECTS

    return [name for name in DIALECTS if name.startswith(incomplete)]


Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write it there, not to standard output.")
]
To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="DIALECT",
        autocompletion=complete_dialect,
        help="istio, gateway-api, smi, kubernetes or meshery.",
    ),
]


def export(
    files: Files, to: To, output: Output = None, var: Variables = None, as_json_: Json = False
) -> None:
    """Write a mesh as Istio, the Gateway API, SMI, Kubernetes or Meshery have it.

    What the dialect has no words for is told, each with its line; all else means the same, and
    imports as the same resources.

    Exits 2 when the files can't be read, or hold nothing that can be exported.
    """
    from mesh_patterns.exporters.dialects import DIALECTS, export
    from mesh_patterns.load import load
    from mesh_yaml.place import DocumentError, Place
    from mesh_yaml.suggest import suggest

    if to not in DIALECTS:
        known = ", ".join(DIALECTS)
        raise typer.BadParameter(
            f"unknown dialect {to!r}{suggest(to, DIALECTS)}; expected one of {known}",
            param_hint="--to",
        )
    if output is not None and output.resolve() in {file.resolve() for file in files}:
        raise DocumentError.at(Place(str(output)), "is one of the files to export; name another")
    draft = load(files, parse_variables(var))
    found = export(draft, to, (output or Path("mesh.yaml")).parent)
    problems = [*draft.mesh.warnings, *draft.warnings, *found.losses]
    if output is not None:
        write_text(output, found.text())
    if as_json_:
        told: dict[str, Any] = {
            "ok": True,
            "dialect": to,
            "documents": Counter(found.kinds),
            "lost": as_json(found.losses),
            "problems": as_json(problems),
            **({"output": str(output)} if output is not None else {"text": found.text()}),
        }
        typer.echo(json.dumps(told))
        return
    for problem in problems:
        typer.echo(str(problem), err=True)
    if output is None:
        typer.echo(found.text(), nl=False)
    else:
        kinds = ", ".join(f"{number} {kind}" for kind, number in Counter(found.kinds).items())
        typer.echo(f"{output}: {kinds}: {count(problems)}")
