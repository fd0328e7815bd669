"""Every filter of ours does what its test file says; each has one, and none of them is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

import wasm_filters
from wasm_filters.testing.cases import Case, cases
from wasm_filters.testing.load import find, load
from wasm_filters.testing.report import details
from wasm_filters.testing.runner import Runner
from wasm_filters.toolchains.project import new_project

FILTERS = Path(wasm_filters.__file__).parent / "filters"
CASES = [case for path in find([FILTERS]) for case in cases(load(path, path.parent.name))]


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.suite.name}: {case.title}")
def test_it_does_what_its_tests_say(runner: Runner, case: Case) -> None:
    result = runner.run(case)
    assert result.passed, "\n".join(details(result))


def test_each_has_tests() -> None:
    built = {path.parent for path in FILTERS.glob("*/*.wasm")}
    assert {path.parent for path in find([FILTERS])} == built


@pytest.mark.parametrize("language", ["assemblyscript", "cpp", "go", "rust"])
def test_the_tests_of_a_new_project_are_in_the_same_language(tmp_path: Path, language: str) -> None:
    new_project(tmp_path / "marker", language)
    suite = load(tmp_path / "marker" / "tests.yaml")
    assert [case.title for case in cases(suite)] == [
        "each response is marked",
        "a mark that is there already is replaced",
    ]
