"""``meshloom wasm new``: what it writes and says, and its exit codes."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from meshloom.wasm import app
from meshloom.wasm.new import Language
from wasm_filters.toolchains import TOOLCHAINS


def new(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["new", *arguments])


def test_every_language_that_can_be_built_can_be_begun() -> None:
    assert [language.value for language in Language] == list(TOOLCHAINS)


def test_it_lists_the_files_and_says_what_to_do_next(tmp_path: Path) -> None:
    folder = tmp_path / "marker"
    result = new(str(folder), "--lang", "go")
    assert result.exit_code == 0
    *files, following = result.stdout.splitlines()
    assert {Path(file.strip()) for file in files} == set(folder.rglob("*"))
    assert (
        following == f"next: meshloom wasm build {folder} && meshloom wasm test {folder}/tests.yaml"
    )


def test_a_folder_with_something_in_it_exits_2(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    result = new(str(tmp_path), "--lang", "rust", "--name", "marker")
    assert result.exit_code == 2
    assert (
        result.stderr == f"meshloom: {tmp_path}: exists and is not empty, expected a new folder\n"
    )


def test_an_unknown_language_exits_2_with_those_that_are_known(tmp_path: Path) -> None:
    result = new(str(tmp_path / "marker"), "--lang", "zig")
    assert result.exit_code == 2
    assert all(repr(language) in result.stderr for language in TOOLCHAINS)
