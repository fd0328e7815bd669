"""What a toolchain is, what it needs of the machine, and what can go wrong with either."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wasm_filters.errors import WasmError


class ProjectError(WasmError):
    """The folder is no project that can be built, or no place for a new one."""


class ToolchainMissing(WasmError):
    """A program or library that the language needs is not on this machine."""


class BuildError(WasmError):
    """The toolchain ran and failed. It has said itself why."""


class Machine(Protocol):
    """The part of a machine that builds use; ``processes.py`` is the real one."""

    @property
    def environment(self) -> Mapping[str, str]: ...

    def find(self, program: str) -> str | None:
        """Where ``program`` is, None if it is nowhere."""
        ...

    def python_module(self, name: str) -> Sequence[str] | None:
        """The command that runs a Python package as a program, None if it is not installed."""
        ...

    def ask(self, command: Sequence[str], folder: Path) -> str:
        """What a command prints. BuildError: it failed."""
        ...

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Run a command in front of the user. BuildError: it failed."""
        ...


@dataclass(frozen=True, slots=True)
class Toolchain:
    """How filters of one language are built.

    ``marker`` is the file that makes a folder a project of this language. ``install`` says in one
    line what the machine must have. ``build`` takes the folder, the machine and whether the
    project's lock file must be up to date, and answers where the module is.
    """

    language: str
    marker: str
    install: str
    build: Callable[[Path, Machine, bool], Path]


def need(machine: Machine, program: str, language: str) -> str:
    """Where ``program`` is. ToolchainMissing: nowhere."""
    found = machine.find(program)
    if found is None:
        raise ToolchainMissing(f"{language}: no {program} found")
    return found
