"""The module that a project's own build script left in its ``build`` folder."""

from __future__ import annotations

from pathlib import Path

from wasm_filters.toolchains.toolchain import ProjectError


def only_module(folder: Path) -> Path:
    """ProjectError: there is none, or more than one, and nobody knows which is meant."""
    found = sorted(folder.glob("*.wasm"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ProjectError(f"{folder}: found {names}, expected the build to leave one .wasm here")
    return found[0]
