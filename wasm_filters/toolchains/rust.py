"""Rust: cargo, with the standard library of ``wasm32-wasip1``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wasm_filters.toolchains.toolchain import (
    Machine,
    ProjectError,
    Toolchain,
    ToolchainMissing,
    need,
)

TARGET = "wasm32-wasip1"
INSTALL = f"rust: rustup (rustup.rs), then: rustup target add {TARGET}"


def build(project: Path, machine: Machine, locked: bool) -> Path:
    """The ``cdylib`` of the package in ``project``, as cargo leaves it."""
    cargo, rustc = need(machine, "cargo", "rust"), need(machine, "rustc", "rust")
    sysroot = Path(machine.ask([rustc, "--print", "sysroot"], project))
    if not (sysroot / "lib" / "rustlib" / TARGET).is_dir():
        raise ToolchainMissing(f"rust: {rustc} has no standard library for {TARGET}")
    lock = ["--locked"] if locked else []
    machine.run([cargo, "fetch", "--target", TARGET, *lock], project)  # brings what is mapped below
    flags = json.dumps(list(_remaps(project, machine, rustc, sysroot)))
    made = [cargo, "build", "--release", "--target", TARGET, *lock]
    machine.run([*made, "--config", f"build.rustflags={flags}"], project)
    return _made(json.loads(machine.ask([cargo, *_METADATA], project)), project)


_METADATA = ("metadata", "--format-version", "1", "--no-deps")


def _remaps(project: Path, machine: Machine, rustc: str, sysroot: Path) -> Iterator[str]:
    """No path of this machine gets into the module, so another machine builds the same bytes."""
    home = machine.environment.get("CARGO_HOME") or Path.home() / ".cargo"
    for registry in sorted((Path(home) / "registry" / "src").glob("*")):
        yield f"--remap-path-prefix={registry}=/crates"
    version = dict(_facts(machine.ask([rustc, "--version", "--verbose"], project)))
    if commit := version.get("commit-hash"):  # where the library's own paths are without rust-src
        library = sysroot / "lib" / "rustlib" / "src" / "rust"
        yield f"--remap-path-prefix={library}=/rustc/{commit}"
    yield f"--remap-path-prefix={project}=/src"


def _facts(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, colon, value = line.partition(": ")
        if colon:
            yield name, value


def _made(metadata: dict[str, Any], project: Path) -> Path:
    manifest = project / "Cargo.toml"
    for package in metadata["packages"]:
        for target in package["targets"]:
            if Path(package["manifest_path"]) == manifest and "cdylib" in target["crate_types"]:
                file = f"{target['name'].replace('-', '_')}.wasm"
                return Path(metadata["target_directory"]) / TARGET / "release" / file
    raise ProjectError(f'{manifest}: no cdylib, expected [lib] crate-type = ["cdylib"]')


RUST = Toolchain("rust", "Cargo.toml", INSTALL, build)
