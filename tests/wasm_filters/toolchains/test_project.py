"""A new project: one for each language, with the filter's name, and nothing lost that was there."""

from __future__ import annotations

from pathlib import Path

import pytest

import wasm_filters
from wasm_filters.testing.load import find, load_all
from wasm_filters.toolchains import TOOLCHAINS, toolchain_of
from wasm_filters.toolchains.project import new_project
from wasm_filters.toolchains.toolchain import ProjectError


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_a_project_is_one_of_its_language_with_tests(tmp_path: Path, language: str) -> None:
    files = new_project(tmp_path / "a-filter", language)
    assert toolchain_of(tmp_path / "a-filter").language == language
    names = {str(file.relative_to(tmp_path / "a-filter")) for file in files}
    assert {"README.md", "tests.yaml", ".gitignore"} < names


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_the_name_is_everywhere_and_no_placeholder_is_left(tmp_path: Path, language: str) -> None:
    files = new_project(tmp_path, language, "marker")
    texts = {file.name: file.read_text() for file in files}
    assert [name for name, text in texts.items() if "{{name}}" in text] == []
    assert texts["README.md"].startswith("# marker\n")
    assert texts["tests.yaml"].startswith("filter: build/marker.wasm\n")


def test_the_tests_of_all_our_filters_are_found_by_the_folder_and_the_templates_are_not() -> None:
    root = Path(wasm_filters.__file__).parent
    suites = load_all(find([root]))
    assert {suite.path.parent.parent for suite in suites} == {root / "filters"}


def test_what_is_there_stays(tmp_path: Path) -> None:
    kept = tmp_path / "notes.txt"
    kept.write_text("mine")
    with pytest.raises(ProjectError, match="exists and is not empty, expected a new folder"):
        new_project(tmp_path, "rust", "marker")
    with pytest.raises(ProjectError, match="exists and is not empty, expected a new folder"):
        new_project(kept, "rust", "marker")
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("name", ["Marker", "1st", "a.b", "a b", "é", "x" * 65])
def test_a_name_that_some_language_does_not_take_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectError, match="expected lower-case letters, digits and _"):
        new_project(tmp_path / name, "go")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectError, match=r"file.*: Not a directory"):
        new_project(tmp_path / "file" / "marker", "rust")
