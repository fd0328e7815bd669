"""C++: the project's own Makefile, with the compiler that this machine has."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from wasm_filters.toolchains.made import only_module
from wasm_filters.toolchains.strip import without_debug
from wasm_filters.toolchains.toolchain import Machine, Toolchain, ToolchainMissing, need

INSTALL = "cpp: make, and zig (pip install ziglang) or wasi-sdk (WASI_SDK_PATH says where it is)"
MODULE = b"\0asm\x01\0\0\0"
ZIG = ("c++", "-target", "wasm32-wasi")


def build(project: Path, machine: Machine, locked: bool) -> Path:
    """What ``make`` leaves in ``build/``. There is nothing to lock: the SDK is in the project.

    It loses its debug sections, as there is no other way to do without the libraries' own.
    """
    make = need(machine, "make", "cpp")
    machine.run([make, f"CXX={shlex.join(compiler(machine))}"], project)
    made = only_module(project / "build")
    code = made.read_bytes()
    if code.startswith(MODULE):  # what is no module is told when it is loaded
        made.write_bytes(without_debug(code))
    return made


def compiler(machine: Machine) -> Sequence[str]:
    """The C++ compiler for wasm, with what makes it one: wasi-sdk's if the user names it."""
    if sdk := machine.environment.get("WASI_SDK_PATH"):
        return [str(Path(sdk) / "bin" / "clang++"), "--target=wasm32-wasip1"]
    if zig := machine.find("zig"):
        return [zig, *ZIG]
    if zig_module := machine.python_module("ziglang"):
        return [*zig_module, *ZIG]
    raise ToolchainMissing("cpp: no compiler for wasm found: neither WASI_SDK_PATH nor zig")


CPP = Toolchain("cpp", "Makefile", INSTALL, build)
