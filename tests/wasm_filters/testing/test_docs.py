"""Every example of docs/TESTING_FILTERS.md does what the page says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import wasm_filters
from tests.meshloom.command import inside
from tests.wasm_filters.testing.test_pytest_plugin import ARGUMENTS, CACHE
from wasm_filters.testing.cases import cases
from wasm_filters.testing.load import load
from wasm_filters.testing.report import details
from wasm_filters.testing.runner import Runner

PACKAGE = Path(wasm_filters.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "TESTING_FILTERS.md").read_text()
ANYTHING = "…"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def with_filters(folder: Path) -> Path:
    """All our filters in one folder."""
    for file in PACKAGE.glob("filters/*/*.wasm"):
        shutil.copy(file, folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands run."""
    monkeypatch.chdir(tmp_path)
    return with_filters(tmp_path)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_test_file_passes(folder: Path, text: str) -> None:
    (folder / "tests.yaml").write_text(text)
    runner = Runner()
    for case in cases(load(folder / "tests.yaml", "tests.yaml")):
        result = runner.run(case)
        assert result.passed, "\n".join(details(result))


@pytest.mark.parametrize("text", blocks("python"))
def test_a_python_test_passes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("MESHLOOM_CACHE_DIR", str(CACHE))
    (with_filters(pytester.path) / "test_example.py").write_text(text)
    result = pytester.runpytest_inprocess(*ARGUMENTS)
    result.assert_outcomes(passed=4)


def told(text: str) -> list[str]:
    """Lines with their times taken out: no two runs take the same."""
    return [re.sub(r"\d+\.\d+ m?s$", "0 s", line) for line in text.splitlines()]


def assert_like(shown: str, seen: str) -> None:
    """``shown`` leaves out what stands for its ``…``, lines or a part of one, and no more."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == ANYTHING else re.escape(line).replace(ANYTHING, ".*") + "\n"
        for line in told(shown)
    )
    assert re.fullmatch(pattern, "\n".join([*told(seen), ""])), seen


def test_the_failure_is_shown_as_it_is(folder: Path) -> None:
    command, _, shown = blocks("console")[0].partition("\n")
    (folder / "tests.yaml").write_text(blocks("yaml")[0].replace("status: 403", "status: 402"))
    done = inside(*command.removeprefix("$ meshloom ").split())
    assert done.code == 1
    assert_like(shown, done.out)


def test_the_coverage_is_shown_as_it_is(folder: Path) -> None:
    command, _, shown = blocks("console")[1].partition("\n")
    shutil.copy(PACKAGE / "filters" / "jwt_claims" / "tests.yaml", folder)
    done = inside(*command.removeprefix("$ meshloom ").split())
    assert done.code == 0
    assert_like(shown, done.out)


def test_each_word_of_expect_is_told() -> None:
    from wasm_filters.testing.language.expect import ExpectSpec

    assert [word for word in ExpectSpec.model_fields if f"`{word}`" not in PAGE] == []
