"""Test files as pytest sees them: a file, and an item for each test in each of its modes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mesh_yaml.place import DocumentError
from wasm_filters.config import Mode
from wasm_filters.testing.cases import Case, cases
from wasm_filters.testing.load import load
from wasm_filters.testing.pytest_plugin import TRACE, runner_of
from wasm_filters.testing.runner import Result


class Unexpected(Exception):
    """A test file's test failed; not an error of anybody's Python."""

    def __init__(self, result: Result) -> None:
        self.result = result
        super().__init__(str(result.findings[0]))


class SuiteFile(pytest.File):
    """One test file."""

    def collect(self) -> Iterator[CaseItem]:
        shown = os.path.relpath(self.path, self.config.invocation_params.dir)
        modes = [Mode(name) for name in self.config.option.wasm_mode or ()]
        try:
            suite = load(self.path, shown)
        except DocumentError as error:
            raise self.CollectError(str(error)) from error
        for case in cases(suite, modes):
            yield CaseItem.from_parent(self, name=case.title, case=case)


class CaseItem(pytest.Item):
    """One test of a file, in one mode."""

    def __init__(self, case: Case, **others: Any) -> None:
        super().__init__(**others)
        self.case = case
        self.add_marker("wasm")

    def runtest(self) -> None:
        result = runner_of(self.config).run(self.case)
        if not result.passed:
            warnings = [f"warning: {warning}" for warning in result.warnings]
            self.stash[TRACE] = "\n".join([*warnings, result.trace])
            raise Unexpected(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        error = excinfo.value
        if isinstance(error, Unexpected):
            return "\n".join(map(str, error.result.findings))
        if isinstance(error, DocumentError):
            return str(error)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.place.line - 1, self.name
