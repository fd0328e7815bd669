"""``meshloom wasm build``: its exit codes, and what a person reads who has no toolchain."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from meshloom.wasm import app
from wasm_filters.toolchains import TOOLCHAINS
from wasm_filters.toolchains.project import new_project


def build(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["build", *arguments])


def test_no_project_exits_2(tmp_path: Path) -> None:
    result = build(str(tmp_path))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"meshloom: {tmp_path}: no project to build, expected one of")


def test_no_toolchain_exits_2_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    new_project(tmp_path, "rust", "marker")
    result = build(str(tmp_path))
    assert result.exit_code == 2
    install = TOOLCHAINS["rust"].install
    assert result.stderr == f"meshloom: rust: no cargo found\ninstall {install}\n"
