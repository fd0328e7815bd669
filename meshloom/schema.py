"""``meshloom schema``: the JSON Schemas of the files that people write, for editors."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def schema(
    wasm_tests: Annotated[
        bool, typer.Option("--wasm-tests", help="Of the test files of WASM filters.")
    ] = False,
    routes: Annotated[
        bool, typer.Option("--routes", help="Of what `meshloom debug routes --expect` reads.")
    ] = False,
) -> None:
    """Print the JSON Schema of the pattern language, or of other files that people write.

    With the YAML extension of VS Code and its like, a first line completes and checks the file:

        # yaml-language-server: $schema=meshloom.schema.json
    """
    if wasm_tests:
        from wasm_filters.testing.schema import language
    elif routes:
        from debugger.routing.checks.spec import language
    else:
        from mesh_patterns.schema import language

    typer.echo(json.dumps(language(), indent=2))
