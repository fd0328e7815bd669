"""Door to other programs: the machine that this process runs on."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from wasm_filters.toolchains.toolchain import BuildError


class ThisMachine:
    """Finds and runs programs. What they print goes to standard error, as they print it."""

    @property
    def environment(self) -> Mapping[str, str]:
        return os.environ

    def find(self, program: str) -> str | None:
        """On the ``PATH``, else beside the running Python, where a wheel puts its programs."""
        return shutil.which(program) or shutil.which(program, path=os.path.dirname(sys.executable))

    def python_module(self, name: str) -> Sequence[str] | None:
        return [sys.executable, "-m", name] if importlib.util.find_spec(name) else None

    def ask(self, command: Sequence[str], folder: Path) -> str:
        try:
            ran = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BuildError(_failed(command, error)) from error
        return ran.stdout.strip()

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        values = {**os.environ, **(environment or {})}
        try:
            subprocess.run(command, cwd=folder, env=values, stdout=2, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BuildError(_failed(command, error)) from error


def _failed(command: Sequence[str], error: OSError | subprocess.CalledProcessError) -> str:
    words = [os.path.basename(command[0]), *command[1:]]
    said = " ".join(word for word in words[:3] if not word.startswith("-"))
    if isinstance(error, OSError):
        return f"{said}: {error.strerror or error}"
    return f"{said}: exit status {error.returncode}"
