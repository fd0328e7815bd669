"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import shutil
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import wasm_filters
import wasm_filters.testing.pytest_items  # once: an inner run forgets what it imported
import wasm_filters.testing.under_test
from wasm_filters.engine.cache import default_folder

POLICY = Path(wasm_filters.__file__).parent / "filters" / "header_policy" / "header_policy.wasm"
ROOT = Path(wasm_filters.__file__).parents[1]
INSTALLED = any(point.name == "meshloom" for point in entry_points(group="pytest11"))
PLUGIN = [] if INSTALLED else ["-p", "wasm_filters.testing.pytest_plugin"]
OTHERS = ("cacheprovider", "asyncio", "hypothesispytest", "anyio")
ARGUMENTS = [*PLUGIN, *(word for name in OTHERS for word in ("-p", f"no:{name}"))]
SUITE = """
filter: header_policy.wasm
configuration: {deny: [{path: /admin}]}
tests:
  - name: a path is denied
    request: /admin
    expect: {status: 403}
  - name: this one is wrong
    mode: [envoy, spec]
    request: /other
    expect: {status: 403}
"""


CACHE = default_folder().parent  # before each test gets another home


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("MESHLOOM_CACHE_DIR", str(CACHE))
    shutil.copy(POLICY, pytester.path)
    pytester.makeini("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_inprocess(*ARGUMENTS, *arguments)


def test_a_fixture_starts_a_filter_beside_the_test(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import pytest
        from mesh_traffic import Response
        from wasm_filters.errors import PluginError

        def test_denied(wasm_filter):
            policy = wasm_filter("header_policy.wasm", {"deny": [{"path": "/admin"}]})
            assert policy.get("/admin").status == 403
            passed = policy.post("/", "hello", {"a": "b"}, upstream=Response(204))
            assert passed.status == 204
            assert passed.request.headers.get("content-length") == "5"

        def test_refused(wasm_filter):
            with pytest.raises(PluginError, match="unknown key 'dney'"):
                wasm_filter("header_policy.wasm", {"dney": []})
    """)
    run(project).assert_outcomes(passed=2)


def test_a_failure_shows_the_trace_of_what_was_done(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_wrong(wasm_filter):
            policy = wasm_filter("header_policy.wasm", {"deny": [{"path": "/admin"}]})
            assert policy.get("/other").status == 403
    """)
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert 200 == 403",
            "*- wasm trace -*",
            "start",
            "==> proxy_on_configure(*",
            "GET /other",
            "==> proxy_on_request_headers(*",
            "      <== ok '/other'",
        ]
    )


def test_a_passed_test_shows_no_trace(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_right(wasm_filter):
            assert wasm_filter("header_policy.wasm").get("/").status == 200
    """)
    assert "wasm trace" not in run(project, "-rA").stdout.str()


def test_a_test_runs_in_the_modes_that_it_asks_for(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import pytest

        def test_default(wasm_filter):
            assert wasm_filter("header_policy.wasm").worker.mode.value == "envoy"

        def test_both(wasm_filter, wasm_mode):
            assert wasm_filter("header_policy.wasm").worker.mode is wasm_mode

        @pytest.mark.wasm(modes=["spec"])
        def test_one(wasm_filter):
            assert wasm_filter("header_policy.wasm").worker.mode.value == "spec"
    """)
    result = run(project, "-v")
    result.assert_outcomes(passed=4)
    names = ("test_default PASSED", "test_both[envoy] PASSED", "test_both[spec] PASSED")
    assert [name for name in names if name not in result.stdout.str()] == []
    asked = run(project, "--wasm-mode", "spec", "-v", "-k", "not default")
    asked.assert_outcomes(passed=2, deselected=1)
    assert "envoy" not in asked.stdout.str()


def test_network_filters_get_connections(project: pytest.Pytester) -> None:
    shutil.copy(POLICY.parents[1] / "tcp_counter" / "tcp_counter.wasm", project.path)
    project.makepyfile("""
        def test_counted(wasm_filter):
            counter = wasm_filter("tcp_counter.wasm")
            connection = counter.connect()
            connection.from_client(b"hello")
            assert bytes(connection.to_upstream) == b"hello"
            assert counter.metric("tcp_counter.downstream_bytes") == 5
    """)
    run(project).assert_outcomes(passed=1)


def test_an_unknown_mode_is_named(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import pytest

        @pytest.mark.wasm(modes=["envoi"])
        def test_it(wasm_filter):
            pass
    """)
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*expected envoy or spec, got 'envoi'"])


def test_chains_callouts_and_time_are_at_hand(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import json
        from wasm_filters.config import PluginConfig

        def test_chain(wasm_filter):
            def adds(value):
                policy = {"request": {"add": {"x-n": value}}}
                return "header_policy.wasm", PluginConfig(
                    vm_id=value, configuration=json.dumps(policy).encode()
                )

            chain = wasm_filter.chain(adds("1"), adds("2"))
            chain.advance(5)
            assert chain.get().request.headers.get_all("x-n") == ["1", "2"]
            assert chain.shared("none") is None
            assert chain.worker.metrics() == {}
    """)
    run(project).assert_outcomes(passed=1)


@pytest.mark.parametrize("asked", [("--wasm",), ("a.test.yaml",), ("-o", "wasm_tests=true")])
def test_files_of_tests_are_collected_when_they_are_asked_for(
    project: pytest.Pytester, asked: tuple[str, ...]
) -> None:
    (project.path / "a.test.yaml").write_text(SUITE)
    result = run(project, "-v", *asked)
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "a.test.yaml::a path is denied PASSED*",
            "a.test.yaml::this one is wrong [[]envoy[]] FAILED*",
            "a.test.yaml::this one is wrong [[]spec[]] FAILED*",
            "a.test.yaml:11:14: status: expected 403, saw 200",
            "*- wasm trace -*",
            "==> proxy_on_request_headers(*",
        ]
    )


def test_nobody_asked_nothing_is_collected(project: pytest.Pytester) -> None:
    (project.path / "tests.yaml").write_text("anything: else")
    project.makepyfile("def test_other(): pass")
    result = run(project)
    result.assert_outcomes(passed=1)
    assert "tests.yaml" not in result.stdout.str()


def test_modes_and_names_select_from_files(project: pytest.Pytester) -> None:
    (project.path / "a.test.yaml").write_text(SUITE)
    run(project, "--wasm", "--wasm-mode", "spec", "-k", "wrong").assert_outcomes(
        failed=1, deselected=1
    )
    run(project, "--wasm", "-m", "not wasm").assert_outcomes(deselected=3)


def test_a_file_that_is_wrong_is_an_error_of_collection(project: pytest.Pytester) -> None:
    (project.path / "tests.yaml").write_text(SUITE.replace("status: 403", "statsu: 403"))
    result = run(project, "--wasm")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["tests.yaml:7:14: unknown key 'statsu'; did you mean 'status'?"])


def test_a_filter_that_is_not_there_fails_its_tests_with_the_place(
    project: pytest.Pytester,
) -> None:
    (project.path / "tests.yaml").write_text(SUITE.replace("header_policy.wasm", "none.wasm"))
    result = run(project, "--wasm", "-k", "denied")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["tests.yaml:2:9: *none.wasm: can't be read: *"])


def test_coverage_of_both_kinds_of_test_is_told_and_can_be_asked_for(
    project: pytest.Pytester,
) -> None:
    (project.path / "tests.yaml").write_text(SUITE)
    project.makepyfile("""
        def test_replaced(wasm_filter):
            policy = wasm_filter("header_policy.wasm", {"request": {"set": {"a": "b"}}})
            assert policy.get().request.headers.get("a") == "b"
    """)
    result = run(project, "--wasm", "--wasm-coverage-min", "100", "-k", "denied or replaced")
    result.assert_outcomes(passed=2, deselected=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*= wasm coverage =*",
            "*header_policy.wasm   * of * reached   * %",
            "*1 proxy_replace_header_map_value",
            "*1 proxy_send_local_response",
            "*header_policy.wasm: *.* % reached, expected 100 %",
        ]
    )


def test_a_run_that_does_not_use_it_does_not_load_it(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither wasmtime nor pydantic nor anything else of ours."""
    project.makepyfile("""
        import sys

        def test_other():
            heavy = {"wasmtime", "pydantic", "mesh_yaml.yaml", "wasm_filters.engine.vm"}
            assert not heavy & set(sys.modules)
    """)
    (project.path / "tests.yaml").write_text(SUITE)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    result = project.runpytest_subprocess(*ARGUMENTS)
    result.assert_outcomes(passed=1)
