"""``meshloom wasm test``: do filters do what their test files say?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.output import emit
from meshloom.wasm import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshloom.junit import JunitCase
    from wasm_filters.config import Mode
    from wasm_filters.testing.cases import Case
    from wasm_filters.testing.coverage import Coverage
    from wasm_filters.testing.load import Suite
    from wasm_filters.testing.runner import Result, Runner

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH...", help="Test files, and folders to look for them in."),
]
Percent = Annotated[
    float | None,
    typer.Option("--coverage-min", min=0, max=100, help="Fail if a module is covered less."),
]


def run_tests(
    paths: Paths = None,
    keyword: Annotated[
        str, typer.Option("-k", metavar="EXPR", help="Only these, such as 'deny and not admin'.")
    ] = "",
    exit_first: Annotated[bool, typer.Option("-x", help="Stop at the first that fails.")] = False,
    mode: Annotated[
        list[str] | None, typer.Option("--mode", help="envoy or spec, instead of the files' own.")
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", help="A line for each test.")] = False,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Which callbacks and hostcalls were reached.")
    ] = False,
    coverage_min: Percent = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Write a JUnit report to this file.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Test filters with files of expectations: tests.yaml and *.test.yaml.

    Looks in the current folder if no PATH is given. A test that fails shows where it expected
    what, what was seen, and the trace of its request.

    Exits 0 when all is as expected, 1 when something is not, 2 on bad input.
    """
    from wasm_filters.testing.load import find, load_all
    from wasm_filters.testing.runner import Runner

    started = time.perf_counter()
    suites = load_all(find(paths or [Path()]))
    chosen, left_out = _chosen(suites, keyword, _modes(mode or []))
    runner = Runner(counted=coverage or coverage_min is not None)
    runner.prepare(suites)
    results = _run(runner, chosen, exit_first, verbose, as_json)
    seconds = time.perf_counter() - started
    if junit:
        _write_junit(junit, results, seconds)
    covered = runner.coverage()
    _show_coverage(covered, as_json)
    _show_summary(results, left_out, seconds, as_json)
    poor = [one for one in covered if coverage_min is not None and one.percent < coverage_min]
    for one in poor:
        typer.echo(
            f"{one.module}: {one.percent:.1f} % reached, expected {coverage_min:g} %", err=True
        )
    raise typer.Exit(int(bool(poor) or not all(result.passed for result in results)))


def _modes(names: Sequence[str]) -> list[Mode]:
    from wasm_filters.config import Mode

    known = [mode.value for mode in Mode]
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"expected envoy or spec, got {name!r}", param_hint="--mode")
    return [Mode(name) for name in names]


def _chosen(suites: Sequence[Suite], keyword: str, modes: Sequence[Mode]) -> tuple[list[Case], int]:
    """The tests to run, and how many are left out."""
    from wasm_filters.testing.cases import cases, selected

    found = [case for suite in suites for case in cases(suite, modes)]
    try:
        chosen = selected(found, keyword)
    except ValueError as error:
        options.bad_input(error, error)
    if not chosen:
        options.bad_input(f"none of {len(found)} tests is chosen")
    return chosen, len(found) - len(chosen)


def _run(
    runner: Runner, chosen: Sequence[Case], exit_first: bool, verbose: bool, as_json: bool
) -> list[Result]:
    from wasm_filters.testing import report

    results: list[Result] = []
    file = ""
    for case in chosen:
        result = runner.run(case)
        results.append(result)
        if as_json:
            emit("test", **report.as_json(result))
        elif verbose or not result.passed:
            if case.suite.name != file:
                file = case.suite.name
                typer.echo(file)
            typer.echo("\n".join([report.line(result), *_indented(report.details(result))]))
        if exit_first and not result.passed:
            break
    return results


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"      {line}" for line in lines]


def _show_coverage(covered: Sequence[Coverage], as_json: bool) -> None:
    from wasm_filters.testing.coverage import text

    for one in covered:
        if as_json:
            emit("coverage", **one.as_json())
        else:
            typer.echo(text(one))


def _show_summary(results: Sequence[Result], left_out: int, seconds: float, as_json: bool) -> None:
    from wasm_filters.testing.report import summary

    if not as_json:
        typer.echo(summary(results, left_out, seconds))
        return
    failed = sum(not result.passed for result in results)
    emit(
        "result",
        passed=len(results) - failed,
        failed=failed,
        deselected=left_out,
        seconds=round(seconds, 3),
    )


def _write_junit(file: Path, results: Sequence[Result], seconds: float) -> None:
    from meshloom.junit import junit_xml

    cases = [_junit_case(result) for result in results]
    try:
        file.write_text(junit_xml("meshloom wasm test", cases, seconds))
    except OSError as error:
        options.bad_input(f"--junit {file}: {error.strerror}", error)


def _junit_case(result: Result) -> JunitCase:
    from meshloom.junit import JunitCase
    from wasm_filters.testing.report import details

    failures = [] if result.passed else [(str(result.findings[0]), "\n".join(details(result)))]
    return JunitCase(result.case.suite.name, result.case.title, result.seconds, failures)
