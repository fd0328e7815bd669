"""``meshloom wasm diff``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import wasm_filters
from meshloom.wasm import app
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.probe import Call, Out, Probe

FILTER = str(
    Path(wasm_filters.__file__).parent / "filters" / "header_policy" / "header_policy.wasm"
)
POLICY = {"response": {"set": {"x-filter": "yes"}}, "deny": [{"path": "/admin"}]}
WHERE = Call("proxy_get_property", [b"source\0address", Out.TEXT], "from")
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


def test_a_difference_is_shown_with_both_sides(tmp_path: Path, requests: Path) -> None:
    needs_envoy()
    result = run(probe(tmp_path, "proxy_on_request_headers", WHERE), "--requests", requests)
    first, log_here, log_envoy, *_, summary = result.stdout.splitlines()
    assert first == "two.http:1   GET /admin/users"
    assert log_here == "    log 3    wasmtime  info: request_headers from=1 ~"
    assert log_envoy.startswith("             Envoy     info: request_headers from=0 127.0.0.1:")
    assert summary.endswith(": 0 agree, 2 differ")
    assert result.exit_code == 1


def test_json_has_every_difference_and_its_reason(tmp_path: Path, requests: Path) -> None:
    envoy = needs_envoy()
    result = run(
        probe(tmp_path, "proxy_on_request_headers", WHERE), "--requests", requests, "--json"
    )
    first, _, summary = map(json.loads, result.stdout.splitlines())
    assert first["request"] == {"method": "GET", "path": "/admin/users"}
    assert first["differences"][0]["part"] == "log 3"
    date = next(each for each in first["differences"] if each["known"] == "date")
    assert (date["wasmtime"], date["part"]) == (None, "response header date")
    assert summary["event"] == "result"
    assert (summary["requests"], summary["agree"], summary["differ"]) == (2, 0, 2)
    assert (summary["envoy"], summary["known"]) == (envoy.version, {"date": 2})


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
