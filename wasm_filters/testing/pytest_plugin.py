"""The pytest plugin: filters as fixtures, their traces where a test fails, and test files as items.

Rule 1: it is loaded in every run of pytest where meshloom is installed, so until a test asks for a
filter it imports nothing of it. Rule 2: YAML files are collected when somebody asks for them: by
``--wasm``, by ``wasm_tests`` in the ini file, or by naming one. A ``tests.yaml`` may be anybody's.

PYTEST_DONT_REWRITE: nothing is asserted here.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wasm_filters.config import Mode
    from wasm_filters.testing.pytest_items import SuiteFile
    from wasm_filters.testing.runner import Runner
    from wasm_filters.testing.under_test import Filters

MODES = ("envoy", "spec")
TRACE: pytest.StashKey[str] = pytest.StashKey()  # of an item that failed
_RUNNER: pytest.StashKey[Runner] = pytest.StashKey()
_FILTERS: pytest.StashKey[Filters] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("wasm", "WASM filters (meshloom)")
    group.addoption(
        "--wasm", action="store_true", help="collect tests.yaml and *.test.yaml as tests of filters"
    )
    group.addoption(
        "--wasm-mode", action="append", choices=MODES, help="run tests of filters in these modes"
    )
    group.addoption(
        "--wasm-coverage", action="store_true", help="tell which callbacks and hostcalls ran"
    )
    group.addoption(
        "--wasm-coverage-min", type=float, metavar="PERCENT", help="fail if a module has less"
    )
    parser.addini("wasm_tests", "collect tests.yaml and *.test.yaml", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "wasm(modes=...): a test of a WASM filter, run in each of these modes"
    )


def runner_of(config: pytest.Config) -> Runner:
    """What all tests of filters in this run share."""
    found = config.stash.get(_RUNNER, None)
    if found is None:
        from wasm_filters.testing.runner import Runner

        found = config.stash[_RUNNER] = Runner(counted=_is_counted(config))
    return found


def _is_counted(config: pytest.Config) -> bool:
    options = config.option
    return bool(options.wasm_coverage) or options.wasm_coverage_min is not None


# test files


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    if file_path.suffix != ".yaml" or not _is_wanted(file_path, parent):
        return None
    from wasm_filters.testing.pytest_items import SuiteFile

    return SuiteFile.from_parent(parent, path=file_path)


def _is_wanted(path: Path, parent: pytest.Collector) -> bool:
    if path.name != "tests.yaml" and not path.name.endswith(".test.yaml"):
        return False
    config = parent.config
    asked = bool(config.option.wasm) or bool(config.getini("wasm_tests"))
    return asked or parent.session.isinitpath(path)


# fixtures


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "wasm_mode" not in metafunc.fixturenames:
        return
    modes = _modes(metafunc)
    if modes:
        metafunc.parametrize("wasm_mode", modes, indirect=True)


def _modes(metafunc: pytest.Metafunc) -> list[str]:
    """The modes that a test names; those of the command line; both, for one that asks for
    ``wasm_mode`` by name; none to leave it at the default."""
    marker = metafunc.definition.get_closest_marker("wasm")
    named = list(marker.kwargs.get("modes", ())) if marker is not None else []
    for mode in named:
        if mode not in MODES:
            pytest.fail(f"wasm(modes=…): expected envoy or spec, got {mode!r}", pytrace=False)
    chosen = metafunc.config.option.wasm_mode or []
    if named and chosen:
        return [mode for mode in named if mode in chosen]
    asks = "wasm_mode" in inspect.signature(metafunc.function).parameters
    return named or chosen or (list(MODES) if asks else [])


@pytest.fixture
def wasm_mode(request: pytest.FixtureRequest) -> Mode:
    """Whose answers a filter gets: Envoy's or the spec's. A test that asks for it runs in both."""
    from wasm_filters.config import Mode

    return Mode(getattr(request, "param", "envoy"))


@pytest.fixture
def wasm_filter(request: pytest.FixtureRequest, wasm_mode: Mode) -> Iterator[Filters]:
    """Starts filters: ``wasm_filter("build/auth.wasm", {"cluster": "auth"})``.

    Paths are relative to the test's file. Each has a worker of its own. Where the test fails, the
    traces of its last requests are shown.
    """
    from wasm_filters.testing.calls import Calls
    from wasm_filters.testing.under_test import Filters

    config = request.config
    calls = Calls() if _is_counted(config) else None
    runner = runner_of(config)
    filters = Filters(request.path.parent, wasm_mode, runner.modules, calls)
    request.node.stash[_FILTERS] = filters
    yield filters
    if calls is not None:
        runner.cover(calls)
    filters.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed:
        filters = item.stash.get(_FILTERS, None)
        trace = item.stash.get(TRACE, "") if filters is None else filters.traces()
        if trace:
            report.sections.append(("wasm trace", trace))
    return report


# coverage


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not _is_counted(config):
        return
    from wasm_filters.testing.coverage import text

    terminalreporter.section("wasm coverage")
    for one in runner_of(config).coverage():
        terminalreporter.line(text(one))
    for line in _poor(config):
        terminalreporter.line(line, red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.exitstatus == pytest.ExitCode.OK and _poor(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _poor(config: pytest.Config) -> list[str]:
    """The modules of which less was reached than is asked for."""
    wanted = config.option.wasm_coverage_min
    if wanted is None:
        return []
    covered = runner_of(config).coverage()
    return [
        f"{one.module}: {one.percent:.1f} % reached, expected {wanted:g} %"
        for one in covered
        if one.percent < wanted
    ]
