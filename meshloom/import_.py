"""``meshloom import``: other people's files as one in our own language."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meshloom.arguments import Files, Json, Variables, parse_variables
from meshloom.output import check_output, hand_over, write_text

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

    check_output(output, files, "import")
    sources = read(files, parse_variables(var))
    if not sources.imported:
        message = "is in meshloom's own language already: there is nothing to import"
        raise DocumentError.at(Place(str(files[0])), message)
    draft = apply(sources.mesh())
    text = written(sources, (output or Path("mesh.yaml")).parent)
    if output is not None:
        write_text(output, text)
    services, patterns = len(draft.mesh.services), len(draft.mesh.patterns)
    told = {"services": services, "patterns": patterns}
    problems = [*draft.mesh.warnings, *draft.warnings]
    summary = f"{services} services, {patterns} patterns"
    hand_over(text, output, problems, summary, told if as_json_ else None)
