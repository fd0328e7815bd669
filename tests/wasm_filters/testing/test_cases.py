"""Which tests are run, of which files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_yaml.place import DocumentError
from tests.wasm_filters.testing.suites import suite
from wasm_filters.config import Mode
from wasm_filters.testing.cases import cases, parse_expression, selected
from wasm_filters.testing.load import find, load_all

NAME = "tests.yaml::a path is denied [spec]"


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("", True),
        ("denied", True),
        ("DENIED", True),
        ("not denied", False),
        ("denied and path", True),
        ("denied and other", False),
        ("other or path", True),
        ("not (other or denied)", False),
        ("not other and not more", True),
        ("other or denied and spec", True),
        ("tests.yaml", True),
    ],
)
def test_an_expression_chooses_by_words(expression: str, wanted: bool) -> None:
    assert parse_expression(expression)(NAME) is wanted


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("(a", "-k: a bracket is not closed"),
        ("a b", "-k 'a b': did not expect 'b'"),
        ("a and", "-k: expected a word, got 'the end'"),
        ("or a", "-k: expected a word, got 'or'"),
        (")", "-k: expected a word, got ')'"),
    ],
)
def test_what_is_no_expression_is_told(expression: str, told: str) -> None:
    with pytest.raises(ValueError, match="-k") as caught:
        parse_expression(expression)
    assert str(caught.value) == told


MODES = """\
    filter: filter.wasm
    mode: [envoy, spec]
    tests:
      - {name: any, request: /, expect: {status: 200}}
      - {name: pinned, mode: envoy, request: /, expect: {status: 200}}
    """


def test_modes_that_are_asked_for_stand_in_for_the_files_but_not_for_a_tests(
    tmp_path: Path,
) -> None:
    tests = suite(tmp_path, MODES)
    assert [case.title for case in cases(tests)] == ["any [envoy]", "any [spec]", "pinned"]
    assert [case.title for case in cases(tests, [Mode.SPEC])] == ["any"]
    assert [case.title for case in selected(cases(tests), "spec")] == ["any [spec]"]


def test_folders_are_searched_and_files_taken_as_they_are(tmp_path: Path) -> None:
    for name in ("a/tests.yaml", "a/b/x.test.yaml", "a/target/tests.yaml", "a/other.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find([tmp_path, tmp_path / "a/other.yaml", tmp_path / "a/tests.yaml"])
    names = [str(path.relative_to(tmp_path)) for path in found]
    assert names == ["a/b/x.test.yaml", "a/tests.yaml", "a/other.yaml"]


def test_a_folder_without_tests_is_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"there is no \*\.test\.yaml or tests\.yaml in this"):
        find([tmp_path])


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    for name in ("a.test.yaml", "b.test.yaml"):
        (tmp_path / name).write_text("filter: x\ntests: []\n")
    with pytest.raises(DocumentError) as caught:
        load_all([*find([tmp_path]), tmp_path / "none.yaml"])
    assert [problem.place.line for problem in caught.value.problems] == [2, 2, 1]
    assert "none.yaml:1:1: can't be read: no such file" in str(caught.value)
