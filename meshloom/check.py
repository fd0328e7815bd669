"""``meshloom check``: is a file right, without running anything?"""

from __future__ import annotations

import json

import typer

from mesh_yaml.place import Problem
from meshloom.arguments import Files, Json, Variables, parse_variables
from meshloom.output import as_json, complain, count


def check(files: Files, var: Variables = None, as_json_: Json = False) -> None:
    """Check files without running anything.

    Prints every error and warning with its place.

    Exits 0 when they can run, 2 when they can't.
    """
    problems, summary = _problems(files, var)
    errors = [problem for problem in problems if not problem.warning]
    if as_json_:
        typer.echo(json.dumps({"ok": not errors, "problems": as_json(problems), **summary}))
    elif errors:
        complain(problems)
    else:
        for problem in problems:
            typer.echo(str(problem), err=True)
        patterns, claims, services = (summary[key] for key in ("patterns", "claims", "services"))
        typer.echo(f"{services} services, {patterns} patterns, {claims} claims: {count(problems)}")
    if errors:
        raise typer.Exit(2)


def _problems(files: Files, var: Variables) -> tuple[list[Problem], dict[str, int]]:
    from mesh_patterns.compile import compile_mesh
    from mesh_patterns.load import load
    from mesh_patterns.placement import Placement
    from mesh_yaml.place import DocumentError
    from mini_mesh.proving import filters, sequence

    try:
        draft = load(files, parse_variables(var))
        compile_mesh(draft, Placement.imagined(draft.mesh))
        sequence.check(draft)
        filters.check(draft)
    except DocumentError as error:
        return list(error.problems), {}
    mesh = draft.mesh
    summary = {
        "services": len(mesh.services),
        "patterns": len(mesh.patterns),
        "claims": len(mesh.claims),
    }
    return [*mesh.warnings, *draft.warnings], summary
