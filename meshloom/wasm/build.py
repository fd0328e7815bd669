"""``meshloom wasm build``: a filter's sources become a module that Envoy loads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meshloom.wasm import options

_Folder = Annotated[Path, typer.Argument(metavar="[DIR]", help="The filter's project.")]
_Locked = Annotated[
    bool, typer.Option("--locked", help="Build what the lock file says, or fail if it is old.")
]


def build(folder: _Folder = Path(), locked: _Locked = False) -> None:
    """Build the filter in DIR with the toolchain that this machine has, into DIR/build.

    The language is known by Cargo.toml, go.mod, package.json or Makefile. Exits 1 when the build
    fails or makes something that Envoy would not load, 2 where there is no project or no toolchain;
    then it says what to install.
    """
    from wasm_filters.errors import WasmError
    from wasm_filters.toolchains import build as build_project
    from wasm_filters.toolchains.processes import ThisMachine
    from wasm_filters.toolchains.toolchain import ProjectError, ToolchainMissing

    try:
        built = build_project(folder, ThisMachine(), locked)
    except (ProjectError, ToolchainMissing) as error:
        options.bad_input(error, error)
    except WasmError as error:
        typer.echo(f"meshloom: {error}", err=True)
        raise typer.Exit(1) from error
    version = built.module.version.value
    typer.echo(f"{built.path}   {built.size:,} bytes   {built.language}   ABI {version}")
