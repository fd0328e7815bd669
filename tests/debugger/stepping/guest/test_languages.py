"""Filters as compilers leave them: names from the name section, and lines where there is DWARF.

The project's own filters have names only. Builds with DWARF take up to a minute:
MESHLOOM_BUILD_FILTERS=1 makes them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from debugger.stepping.guest.places import Place, Places
from debugger.stepping.run.history import watch
from mesh_traffic import Headers, Request
from wasm_filters.config import PluginConfig
from wasm_filters.engine.cache import CompiledCache
from wasm_filters.errors import WasmError
from wasm_filters.module import Module
from wasm_filters.recording.recorder import Recorder
from wasm_filters.toolchains.cpp import compiler
from wasm_filters.toolchains.processes import ThisMachine
from wasm_filters.toolchains.toolchain import ToolchainMissing

FILTERS = Path(__file__).parents[4] / "wasm_filters/filters"
SLOW = "MESHLOOM_BUILD_FILTERS"
needs_builds = pytest.mark.skipif(SLOW not in os.environ, reason=f"set {SLOW}=1 to build filters")


def innermost(file: Path, configuration: bytes = b"{}") -> list[Place]:
    """Where each hostcall of a request came from."""
    module = Module.load(file, CompiledCache.default())
    recorder = Recorder([(module, file, PluginConfig("f", "", configuration))])
    with suppress(WasmError):  # one that refuses its configuration has made hostcalls, too
        recorder.start()
        recorder.handle(Request("GET", "/", "here", "http", Headers.of({"x-user": "jo"})))
    history = watch(recorder.recording, [module])
    code = file.read_bytes()
    places = Places.of(history, {sha256(code).hexdigest(): code})
    return [places.at(stop)[0] for stop in history.stops if stop.frames]


@pytest.mark.parametrize(
    ("name", "function", "configuration"),
    [
        ("async_auth", "proxy_wasm::hostcalls::", b'{"cluster": "auth"}'),  # Rust
        ("jwt_claims", "proxy_on_configure", b"{}"),  # C++
        ("header_policy", "~lib/@gcoredev/proxy-wasm-sdk-as/", b"{}"),  # AssemblyScript
        ("json_to_xml", "syscall.", b"{}"),  # Go
    ],
)
def test_a_hostcall_comes_from_a_function_with_a_name(
    name: str, function: str, configuration: bytes
) -> None:
    found = innermost(FILTERS / name / f"{name}.wasm", configuration)
    assert any(place.function.startswith(function) for place in found), {
        place.function for place in found
    }


@needs_builds
def test_rust_with_debug_information_has_the_lines_of_the_filter(tmp_path: Path) -> None:
    if not (cargo := shutil.which("cargo")):
        pytest.skip("rust: no cargo found")
    project = tmp_path / "plan_limit"
    shutil.copytree(FILTERS / "plan_limit", project)
    profile = {"CARGO_PROFILE_RELEASE_DEBUG": "2", "CARGO_PROFILE_RELEASE_STRIP": "none"}
    command = [cargo, "build", "--release", "--target", "wasm32-wasip1"]
    subprocess.run(command, cwd=project, env={**os.environ, **profile}, check=True)
    plans = b'{"plans": {"p": {"limit": 2, "window_seconds": 60}}, "plan": {"header": "x-plan"}}'
    built = project / "target/wasm32-wasip1/release/plan_limit.wasm"
    lines = [line for place in innermost(built, plans) for line in place.lines]
    assert any(line.file.endswith("/src/hostcalls.rs") and line.line for line in lines)


@needs_builds
def test_cpp_with_debug_information_has_the_lines_of_what_is_inlined(tmp_path: Path) -> None:
    try:
        made_by = compiler(ThisMachine())
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    source = FILTERS / "jwt_claims"
    built = tmp_path / "jwt_claims.wasm"
    flags = ["-std=c++17", "-O2", "-g", "-fno-exceptions", "-fno-rtti", "-I../include"]
    command = [*made_by, *flags, "-mexec-model=reactor", "jwt_claims.cc", "-o", str(built)]
    subprocess.run(command, cwd=source, check=True)
    found = innermost(built)
    files = {line.file.rsplit("/", 1)[-1] for place in found for line in place.lines}
    assert {"jwt_claims.cc", "proxy_wasm.h"} <= files
    assert any(len(place.lines) > 1 for place in found)
