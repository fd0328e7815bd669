"""``meshloom export``: a mesh in the words of others, for where else it is to run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from meshloom.arguments import Files, Json, Variables, parse_variables
from meshloom.output import as_json, check_output, hand_over, write_text


def complete_dialect(incomplete: str) -> list[str]:
    """Names of dialects, for the shell."""
    from mesh_patterns.exporters.dialects import DIALECTS

    return [name for name in (*DIALECTS, STATIC) if name.startswith(incomplete)]


STATIC = "envoy-static"  # its own bootstraps, a file for each Envoy
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write it there, of envoy-static a folder; else standard output."
    ),
]
To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="DIALECT",
        autocompletion=complete_dialect,
        help="istio, gateway-api, smi, kubernetes, meshery or envoy-static.",
    ),
]


def export(
    files: Files,
    to: To,
    output: Output = None,
    first_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="envoy-static: ports from there up; 20000 if absent."),
    ] = None,
    var: Variables = None,
    as_json_: Json = False,
) -> None:
    """Write a mesh as Istio, the Gateway API, SMI, Kubernetes, Meshery or Envoy itself have it.

    What the dialect has no words for is told, each with its line; all else means the same, and
    imports as the same resources. Of envoy-static it is a file for each Envoy, which runs alone.

    Exits 2 when the files can't be read, or hold nothing that can be exported.
    """
    from mesh_patterns.exporters.dialects import DIALECTS, export
    from mesh_patterns.load import load
    from mesh_yaml.suggest import suggest

    names = (*DIALECTS, STATIC)
    if to not in names:
        known = ", ".join(names)
        raise typer.BadParameter(
            f"unknown dialect {to!r}{suggest(to, names)}; expected one of {known}",
            param_hint="--to",
        )
    check_output(output, files, "export")
    draft = load(files, parse_variables(var))
    if to == STATIC:
        from meshloom import export_static

        export_static.export(draft, output, first_port, as_json_)
        return
    found = export(draft, to, (output or Path("mesh.yaml")).parent)
    text, documents = found.text(), Counter(found.kinds)
    if output is not None:
        write_text(output, text)
    told = {"dialect": to, "documents": documents, "lost": as_json(found.losses)}
    kinds = ", ".join(f"{number} {kind}" for kind, number in documents.items())
    problems = [*draft.mesh.warnings, *draft.warnings, *found.losses]
    hand_over(text, output, problems, kinds, told if as_json_ else None)
