"""AssemblyScript: npm, and the project's own ``build`` script."""

from __future__ import annotations

from pathlib import Path

from wasm_filters.toolchains.made import only_module
from wasm_filters.toolchains.toolchain import Machine, Toolchain, need

INSTALL = "assemblyscript: Node.js 20 or newer, with npm (nodejs.org)"


def build(project: Path, machine: Machine, locked: bool) -> Path:
    """What ``npm run build`` leaves in ``build/``; the project names its compiler."""
    npm = need(machine, "npm", "assemblyscript")
    need(machine, "node", "assemblyscript")
    quiet = ["--no-audit", "--no-fund"]
    machine.run([npm, "ci" if locked else "install", *quiet], project)
    machine.run([npm, "run", "build"], project)
    return only_module(project / "build")


ASSEMBLYSCRIPT = Toolchain("assemblyscript", "package.json", INSTALL, build)
