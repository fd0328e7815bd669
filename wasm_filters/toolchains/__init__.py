"""From sources to a module that Envoy loads: one toolchain per language, in ``TOOLCHAINS``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wasm_filters.engine.cache import CompiledCache
from wasm_filters.module import Module
from wasm_filters.toolchains.assemblyscript import ASSEMBLYSCRIPT
from wasm_filters.toolchains.cpp import CPP
from wasm_filters.toolchains.go import GO
from wasm_filters.toolchains.rust import RUST
from wasm_filters.toolchains.toolchain import (
    Machine,
    ProjectError,
    Toolchain,
    ToolchainMissing,
)

# A folder's language is the first whose marker it has: a Makefile stands beside many a project.
TOOLCHAINS: Mapping[str, Toolchain] = {
    toolchain.language: toolchain for toolchain in (RUST, GO, ASSEMBLYSCRIPT, CPP)
}


@dataclass(frozen=True, slots=True)
class Built:
    """A module that was built, and that Envoy would load."""

    path: Path
    language: str
    module: Module

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size


def build(folder: Path, machine: Machine, locked: bool = False) -> Built:
    """Build the project in ``folder`` into its ``build`` folder.

    With ``locked`` the project's lock file decides the versions, and must be up to date.
    ProjectError: no project. ToolchainMissing: the error says what to install. BuildError: the
    toolchain said why. ModuleError: it was built, but Envoy would not load it.
    """
    project = folder.resolve()
    toolchain = toolchain_of(project)
    try:
        made = toolchain.build(project, machine, locked)
    except ToolchainMissing as error:
        raise ToolchainMissing(f"{error}\ninstall {toolchain.install}") from error
    kept = folder / "build" / made.name
    if made != kept.resolve():
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(made, kept)
    return Built(kept, toolchain.language, Module.load(kept, CompiledCache.default()))


def toolchain_of(project: Path) -> Toolchain:
    """The toolchain that the files in ``project`` ask for."""
    for toolchain in TOOLCHAINS.values():
        if (project / toolchain.marker).is_file():
            return toolchain
    known = ", ".join(f"{each.marker} ({each.language})" for each in TOOLCHAINS.values())
    raise ProjectError(f"{project}: no project to build, expected one of {known}")
