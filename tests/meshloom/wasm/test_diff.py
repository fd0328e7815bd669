"""``meshloom wasm diff``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import wasm_filters
from mesh_traffic import Request
from meshloom.wasm import app
from meshloom.wasm.diff_report import Report
from mini_mesh.differ.case import make_case
from mini_mesh.differ.compare import Difference
from mini_mesh.differ.run import Result as Compared
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.probe import Call, Out, Probe

FILTER = str(
    Path(wasm_filters.__file__).parent / "filters" / "header_policy" / "header_policy.wasm"
)
POLICY = {"response": {"set": {"x-filter": "yes"}}, "deny": [{"path": "/admin"}]}
REPLY = Call("proxy_send_local_response", [403, b"", b"", b"", -1])


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["diff", *map(str, arguments)])


def probe(folder: Path, callback: str, call: Call) -> Path:
    file = folder / "probe.wasm"
    file.write_bytes(Probe({callback: [call]}).code())
    return file


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    file = tmp_path / "two.http"
    file.write_text("GET /admin/users\n###\nPOST /cart HTTP/1.1\n\nhello\n")
    return file


def test_when_all_agree_it_is_one_line(tmp_path: Path, requests: Path) -> None:
    envoy = needs_envoy()
    config = tmp_path / "policy.json"
    config.write_text(json.dumps(POLICY))
    result = run(FILTER, "--config", config, "--requests", requests, "--count", "3", "--seed", "2")
    assert result.stdout == f"5 requests through wasmtime and Envoy {envoy.version}: 5 agree\n"
    assert result.exit_code == 0


def test_several_filters_are_a_chain(tmp_path: Path, requests: Path) -> None:
    """Each with its own configuration; the second sees what the first has made of a request."""
    envoy = needs_envoy()
    config = tmp_path / "policy.json"
    config.write_text(json.dumps(POLICY))
    shows = probe(
        tmp_path, "proxy_on_request_headers", Call("proxy_get_header_map_pairs", [0, Out.TEXT])
    )
    configured: list[str | Path] = [
        "--config",
        config,
        "--config",
        "",
        "--vm-id",
        "a",
        "--vm-id",
        "b",
    ]
    result = run(FILTER, shows, *configured, "--requests", requests)
    assert result.stdout == f"2 requests through wasmtime and Envoy {envoy.version}: 2 agree\n"
    assert result.exit_code == 0


RESULT = Compared(
    make_case("two.http:1", Request("GET", "/admin", "x")),
    [
        Difference("response header x-a", "'1'", None),
        Difference("log 3", "info: a\x1b[31m", "info: b"),
        Difference("response header date", None, "'now'", known="date"),
    ],
)


def test_a_difference_is_shown_with_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("1.40.0", 2, as_json=False)
    for result in (RESULT, Compared(RESULT.case, [])):
        report.begin(make_case("", Request()))
        report.result(result)
    report.end()
    assert report.differing == 1
    assert (
        capsys.readouterr().out
        == """\
two.http:1   GET /admin
    response header x-a   wasmtime  '1'
                          Envoy     nothing
    log 3                 wasmtime  info: a\\x1b[31m
                          Envoy     info: b
    explained: date
2 requests through wasmtime and Envoy 1.40.0: 1 agree, 1 differ
"""
    )


def test_json_has_every_difference_and_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("1.40.0", 1, as_json=True)
    report.result(RESULT)
    report.end()
    first, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["place"] == "two.http:1"
    assert first["request"] == {"method": "GET", "path": "/admin"}
    assert first["differences"][::2] == [
        {"part": "response header x-a", "wasmtime": "'1'", "envoy": None, "known": None},
        {"part": "response header date", "wasmtime": None, "envoy": "'now'", "known": "date"},
    ]
    assert last.pop("seconds") >= 0
    assert last == {
        "event": "result",
        "envoy": "1.40.0",
        "requests": 1,
        "agree": 0,
        "differ": 1,
        "known": {"date": 1},
    }


def test_what_is_explained_is_told_when_it_is_no_everyday_matter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report("1.40.0", 1, as_json=False)
    clock = Difference("log 1", "info: 1", "info: 2", known="wall-clock")
    report.result(Compared(RESULT.case, [clock]))
    report.end()
    assert (
        capsys.readouterr().out
        == """\
1 requests through wasmtime and Envoy 1.40.0: 1 agree
  explained in 1: wall-clock: depends on the time
"""
    )


def test_an_envoy_that_a_filter_kills_is_a_difference(tmp_path: Path, requests: Path) -> None:
    """A local response in proxy_on_log is logged, too, and so on until the stack ends."""
    needs_envoy()
    result = run(probe(tmp_path, "proxy_on_log", REPLY), "--requests", requests)
    assert result.exit_code == 1
    first, second, *rest = result.stdout.splitlines()
    assert first == "two.http:1   GET /admin/users"
    assert second == "    wasmtime goes on, and Envoy does not: Envoy has ended:"
    assert any("Caught Segmentation fault" in line for line in rest)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.wasm"], "none.wasm: can't be read: No such file or directory"),
        ([__file__], "not a wasm module"),
        ([FILTER, "--config", FILTER], "refused the configuration"),
        ([FILTER, FILTER, "--config", "a"], "--config: expected one for each of 2 filters, got 1"),
        ([FILTER, "--config", "none"], "--config none: No such file or directory"),
        ([FILTER, "--requests", "none.har"], "none.har: No such file or directory"),
        ([FILTER, "--requests", __file__], "test_diff.py: ends with '.py', expected one of"),
        ([FILTER, "--envoy", __file__], "cannot be started"),
    ],
)
def test_bad_input_is_one_line_and_exits_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
