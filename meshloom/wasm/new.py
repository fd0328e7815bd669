"""``meshloom wasm new``: a small filter to begin with, that builds and whose tests pass."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from meshloom.wasm import options


class Language(Enum):
    """The languages that there are templates and toolchains for."""

    RUST = "rust"
    GO = "go"
    ASSEMBLYSCRIPT = "assemblyscript"
    CPP = "cpp"


_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")]
_Language = Annotated[Language, typer.Option("--lang", help="The language.")]
_Name = Annotated[str, typer.Option("--name", help="The filter's name, if it is not DIR's.")]


def new(folder: _Folder, lang: _Language, name: _Name = "") -> None:
    """Make a project for a new filter in DIR: sources, build file, README and tests.

    Exits 2 when DIR has something in it already.
    """
    from wasm_filters.toolchains.project import new_project
    from wasm_filters.toolchains.toolchain import ProjectError

    try:
        files = new_project(folder, lang.value, name)
    except ProjectError as error:
        options.bad_input(error, error)
    for file in files:
        typer.echo(f"  {file}")
    typer.echo(f"next: meshloom wasm build {folder} && meshloom wasm test {folder}/tests.yaml")
