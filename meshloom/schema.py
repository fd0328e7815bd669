"""``meshloom schema``: the JSON Schema of the pattern language, for editors."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON Schema of the pattern language.

    With the YAML extension of VS Code and its like, a first line completes and checks the file:

        # yaml-language-server: $schema=meshloom.schema.json
    """
    from mesh_patterns.schema import language

    typer.echo(json.dumps(language(), indent=2))
