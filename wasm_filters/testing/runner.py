"""Runs tests, and again with a trace those that fail.

Without a listener a test is quicker; and as its time is fake and its random numbers repeat, it
fails in the same way the second time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh_yaml.problems import Problems
from wasm_filters.module import Module
from wasm_filters.testing import setup
from wasm_filters.testing.calls import Calls, Counts
from wasm_filters.testing.case_run import CaseRun, Finding
from wasm_filters.testing.cases import Case
from wasm_filters.testing.coverage import Coverage, coverage
from wasm_filters.testing.load import Suite
from wasm_filters.testing.modules import Modules


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test. ``trace`` is that of the step that failed."""

    case: Case
    findings: Sequence[Finding] = ()
    warnings: Sequence[str] = ()
    trace: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.findings


class Runner:
    """Runs tests and keeps what they share: the modules, and what was called (``counted``)."""

    def __init__(self, counted: bool = False, modules: Modules | None = None) -> None:
        self.modules = modules or Modules()
        self._covered: dict[Path, tuple[Module, Counts]] = {}
        self._counted = counted

    def prepare(self, suites: Iterable[Suite]) -> None:
        """Load the filters of all files before the first test runs.

        Raises:
            DocumentError: with all those that can't be loaded.
        """
        problems = Problems()
        for suite in suites:
            for index, file in enumerate(problems.guard(setup.files, suite) or []):
                place = setup.filter_node(suite, index).place
                problems.guard(self.modules.load, file, place)
        problems.stop_if_any()

    def coverage(self) -> list[Coverage]:
        """What was reached of each module that tests ran."""
        return [coverage(module, counts) for module, counts in self._covered.values()]

    def run(self, case: Case) -> Result:
        """Run one test.

        Raises:
            DocumentError: its filter or one of its files can't be loaded.
        """
        started = time.perf_counter()
        run = CaseRun(case, self.modules, counted=self._counted)
        findings = run.findings()
        seconds = time.perf_counter() - started
        if self._counted:
            for calls in run.calls:
                self.cover(calls)
        if not findings:
            return Result(case, seconds=seconds)
        again = CaseRun(case, self.modules, traced=True)
        again.findings()
        return Result(case, findings, run.warnings, str(again.trace), seconds)

    def cover(self, calls: Calls) -> None:
        """Add to what is covered."""
        for module, counts in calls.by_module():
            found = self._covered.setdefault(Path(module.name), (module, Counts()))
            found[1].add(counts)
