"""Builds with this machine's toolchains: a new project of each language becomes a working filter.

Only Go, the quickest, is built each time; MESHLOOM_BUILD_FILTERS=1 builds all of them.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mesh_traffic import Headers, Request, Response
from wasm_filters.errors import ModuleError, WasmError
from wasm_filters.filter import Filter
from wasm_filters.toolchains import TOOLCHAINS, build
from wasm_filters.toolchains.cpp import compiler
from wasm_filters.toolchains.processes import ThisMachine
from wasm_filters.toolchains.project import new_project
from wasm_filters.toolchains.toolchain import BuildError, ProjectError, ToolchainMissing, need

SLOW = "MESHLOOM_BUILD_FILTERS"
QUICK = {"go"}


def needs_toolchain(language: str, project: Path) -> None:
    if language not in QUICK and not os.environ.get(SLOW):
        pytest.skip(f"takes up to a minute: set {SLOW}=1 to build filters in {language}")
    if language == "go" and (go := ThisMachine().find("go")):
        fetched = subprocess.run([go, "mod", "download"], cwd=project, capture_output=True)
        if fetched.returncode:
            pytest.skip(f"go can't fetch proxy-wasm-go-sdk: {fetched.stderr.decode()}")


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_a_new_project_builds_and_does_what_its_tests_say(tmp_path: Path, language: str) -> None:
    project = tmp_path / "marker"
    new_project(project, language)
    needs_toolchain(language, project)
    try:
        built = build(project, ThisMachine())
    except ToolchainMissing as error:
        pytest.skip(str(error))
    assert built.path == project / "build" / "marker.wasm"
    assert built.language == language
    there = Response(200, Headers.of({"x-filter": "somebody else"}))
    for configuration, mark in ((b"", "marker"), (b"hello", "hello")):
        outcome = Filter.load(built.path, configuration).handle(Request(), lambda request: there)
        assert outcome.response is not None
        assert outcome.response.headers.fields == (("x-filter", mark),)
    code = built.path.read_bytes()
    assert b"\x04name" in code  # functions have names in the backtrace of a trap
    assert str(tmp_path).encode() not in code


def test_what_the_compiler_refuses_is_an_error_with_its_exit_status(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    new_project(tmp_path, "go", "marker")
    needs_toolchain("go", tmp_path)
    (tmp_path / "main.go").write_text("package main\n\nfunc main() { nothing }\n")
    try:
        with pytest.raises(BuildError, match=r"^go build: exit status 1$"):
            build(tmp_path, ThisMachine())
    except ToolchainMissing as error:
        pytest.skip(str(error))
    assert "undefined: nothing" in capfd.readouterr().err


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_without_a_toolchain_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    new_project(tmp_path / "marker", language)
    with pytest.raises(ToolchainMissing) as caught:
        build(tmp_path / "marker", ThisMachine())
    said, install = str(caught.value).splitlines()
    assert said.startswith(f"{language}: no ")
    assert install == f"install {TOOLCHAINS[language].install}"


def test_a_folder_without_a_project_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        build(tmp_path, ThisMachine())
    assert str(caught.value) == (
        f"{tmp_path}: no project to build, expected one of Cargo.toml (rust), go.mod (go),"
        " package.json (assemblyscript), Makefile (cpp)"
    )


@pytest.mark.parametrize(
    ("recipe", "error", "why"),
    [
        ("true", ProjectError, "found none, expected the build to leave one .wasm here"),
        ("touch build/a.wasm build/b.wasm", ProjectError, "found a.wasm, b.wasm, expected"),
        ("echo hi >build/a.wasm", ModuleError, "a.wasm: not a wasm module: starts with b'hi"),
        ("false", BuildError, "make CXX=.*: exit status 2"),
    ],
)
def test_a_makefile_that_leaves_no_filter_is_an_error(
    tmp_path: Path, recipe: str, error: type[WasmError], why: str
) -> None:
    try:
        need(ThisMachine(), "make", "cpp")
        compiler(ThisMachine())
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    (tmp_path / "Makefile").write_text(f"all:\n\t@mkdir build\n\t@{recipe}\n")
    with pytest.raises(error, match=why):
        build(tmp_path, ThisMachine())
