"""``meshloom import``: other people's files as one in our own language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from meshloom.arguments import Files, Json, Variables, parse_variables
from meshloom.output import as_json, count, write_text

Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write it there, not to standard output.")
]


def import_(
    files: Files, output: Output = None, var: Variables = None, as_json_: Json = False
) -> None:
    """Write what files of others mean as one in meshloom's own language.

    It compiles to the same resources. Each part has the line that it comes from, and what was
    approximated or left out stands at the top.

    Exits 2 when the files can't be imported.
    """
    from mesh_patterns.load import apply, read
    from mesh_patterns.written import written
    from mesh_yaml.place import DocumentError, Place

    if output is not None and output.resolve() in {file.resolve() for file in files}:
        raise DocumentError.at(Place(str(output)), "is one of the files to import; name another")
    sources = read(files, parse_variables(var))
    if not sources.imported:
        message = "is in meshloom's own language already: there is nothing to import"
        raise DocumentError.at(Place(str(files[0])), message)
    draft = apply(sources.mesh())
    text = written(sources, (output or Path("mesh.yaml")).parent)
    problems = [*draft.mesh.warnings, *draft.warnings]
    if output is not None:
        write_text(output, text)
    if as_json_:
        mesh = draft.mesh
        found: dict[str, Any] = {
            "ok": True,
            "services": len(mesh.services),
            "patterns": len(mesh.patterns),
            "problems": as_json(problems),
            **({"output": str(output)} if output is not None else {"text": text}),
        }
        typer.echo(json.dumps(found))
        return
    for problem in problems:
        typer.echo(str(problem), err=True)
    if output is None:
        typer.echo(text, nl=False)
    else:
        services, patterns = len(draft.mesh.services), len(draft.mesh.patterns)
        typer.echo(f"{output}: {services} services, {patterns} patterns: {count(problems)}")
