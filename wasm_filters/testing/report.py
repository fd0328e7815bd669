"""What people read of a run of tests, and what programs do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wasm_filters.testing.runner import Result

PASSED, FAILED = "✓", "✗"
MAX_TRACE_LINES = 200  # of one test


def details(result: Result) -> list[str]:
    """Why a test failed: each finding, what the host warns of, and the trace."""
    lines = [str(finding) for finding in result.findings]
    lines += [f"warning: {warning}" for warning in result.warnings]
    return [*lines, *_cut(result.trace.splitlines())]


def _cut(lines: list[str]) -> list[str]:
    """The beginning and the end of a long trace; ``--json`` has all of it."""
    left_out = len(lines) - MAX_TRACE_LINES
    if left_out <= 0:
        return lines
    half = MAX_TRACE_LINES // 2
    return [*lines[:half], f"… {left_out} more lines …", *lines[-half:]]


def line(result: Result) -> str:
    """One test in one line."""
    mark = PASSED if result.passed else FAILED
    return f"  {mark} {result.case.title}   {result.seconds * 1000:.1f} ms"


def summary(results: Sequence[Result], deselected: int, seconds: float) -> str:
    """``1 failed, 12 passed   0.05 s``."""
    failed = sum(not result.passed for result in results)
    parts = [(failed, "failed"), (len(results) - failed, "passed"), (deselected, "deselected")]
    said = ", ".join(f"{count} {word}" for count, word in parts if count)
    return f"{said or 'no tests'}   {seconds:.2f} s"


def as_json(result: Result) -> dict[str, Any]:
    """A result for other programs."""
    place = result.case.place
    return {
        "file": place.file,
        "line": place.line,
        "test": result.case.spec.name,
        "mode": result.case.mode.value,
        "passed": result.passed,
        "milliseconds": round(result.seconds * 1000, 3),
        "findings": [
            {
                "file": finding.place.file,
                "line": finding.place.line,
                "column": finding.place.column,
                "what": finding.what,
                "expected": finding.expected,
                "seen": finding.seen,
            }
            for finding in result.findings
        ],
        "warnings": list(result.warnings),
        "trace": result.trace.splitlines(),
    }
