"""``meshloom wasm run``: what it prints, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import wasm_filters
from meshloom.wasm import app
from tests.wasm_filters.guests import guest, on_request_headers

FILTER = str(
    Path(wasm_filters.__file__).parent / "filters" / "header_policy" / "header_policy.wasm"
)
POLICY = {
    "request": {"remove": ["x-debug"], "set": {"x-mesh": "meshloom"}},
    "response": {"set": {"x-filter": "yes"}},
    "deny": [{"path": "/admin", "body": "no entry\n"}],
}


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(POLICY))
    return str(file)


@pytest.fixture
def trapping(tmp_path: Path) -> str:
    file = tmp_path / "trap.wasm"
    file.write_bytes(guest("(func $inner unreachable)", on_request_headers("(call $inner)")))
    return str(file)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", *arguments])


def test_a_passed_request_shows_what_the_filter_changed(config: str) -> None:
    result = run(FILTER, "--config", config, "-H", "X-Debug: 1", "-H", "a:b")
    assert result.exit_code == 0
    first, *changes = result.stdout.splitlines()
    assert first.split()[0] == "200"
    assert first.endswith(" ms   4 hostcalls")
    assert changes == [
        "  request   - x-debug: 1",
        "  request   + x-mesh: meshloom",
        "  response  + x-filter: yes",
    ]


def test_json_says_everything(config: str) -> None:
    result = run(FILTER, "--config", config, "-H", "X-Debug: 1", "-X", "PUT", "--json")
    found = json.loads(result.stdout)
    assert found["status"] == 200
    assert found["request_headers"] == [
        [":method", "PUT"],
        [":path", "/"],
        [":authority", "localhost"],
        [":scheme", "http"],
        ["x-mesh", "meshloom"],
    ]
    assert found["response_headers"] == [["x-filter", "yes"]]
    assert (found["body"], found["logs"], found["local_reply"]) == ("", [], False)
    assert "trace" not in found


def test_json_of_a_local_reply_has_no_request(config: str) -> None:
    result = run(FILTER, "--config", config, "--path", "/admin/x", "--json")
    found = json.loads(result.stdout)
    assert (found["status"], found["request_headers"], found["local_reply"]) == (403, None, True)
    assert found["body"] == "no entry\n"
    assert found["logs"] == [{"level": "info", "message": "denied /admin/x"}]
    assert ["x-filter", "yes"] in found["response_headers"]


def test_a_body_brings_its_length(config: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"hello")
    result = run(FILTER, "--body", str(tmp_path / "body"), "--json")
    found = json.loads(result.stdout)
    assert ["content-length", "5"] in found["request_headers"]
    assert found["request_body"] == "hello"


def test_the_trace_shows_hostcalls_under_their_callback(config: str) -> None:
    lines = run(FILTER, "--config", config, "--trace").stdout.splitlines()
    start = lines.index("==> proxy_on_request_headers(context=2, headers=4, end_of_stream=true)")
    assert lines[start + 1 : start + 3] == [
        "      ==> proxy_get_header_map_value(request_headers, ':path')",
        "      <== ok '/'",
    ]


def test_the_trace_can_be_json(config: str) -> None:
    found = json.loads(run(FILTER, "--config", config, "--trace", "--json").stdout)
    assert {event["call"] for event in found["trace"]["events"]} > {
        "proxy_on_configure",
        "proxy_on_log",
    }


def test_the_plugin_is_told_by_what_ids_it_goes(tmp_path: Path) -> None:
    """`plugin_vm_id` and `plugin_root_id` are properties, as in Envoy."""
    get = "(call $get (i32.const {}) (i32.const {}) (i32.const 64) (i32.const 68))"
    calls = "".join(f"(drop {get.format(*span)})" for span in ((0, 12), (12, 14)))
    imports = """(import "env" "proxy_get_property"
        (func $get (param i32 i32 i32 i32) (result i32)))"""
    data = '(data (i32.const 0) "plugin_vm_idplugin_root_id")'
    file = tmp_path / "ids.wasm"
    file.write_bytes(guest(data, on_request_headers(calls), imports=imports))
    shown = run(str(file), "--vm-id", "left", "--root-id", "auth", "--trace").stdout
    assert "<== ok 'left'" in shown
    assert "<== ok 'auth'" in shown


def test_a_trap_exits_1_with_its_backtrace(trapping: str) -> None:
    result = run(trapping)
    assert result.exit_code == 1
    assert result.stdout.startswith("503 ")
    first, *frames = result.stderr.splitlines()
    assert first.startswith("meshloom: proxy_on_request_headers: trapped: ")
    assert [frame.split()[-1] for frame in frames] == ["inner", "on_request_headers"]


def test_a_trap_in_json_is_whole(trapping: str) -> None:
    result = run(trapping, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["status"], found["failure"].split(":")[0]) == (503, "proxy_on_request_headers")


def test_a_pause_is_told(tmp_path: Path) -> None:
    file = tmp_path / "pause.wasm"
    file.write_bytes(guest(on_request_headers("", answer=1)))
    result = run(str(file))
    assert result.exit_code == 0
    assert "no answer" in result.stdout
    assert "paused in proxy_on_request_headers, and nothing resumes it" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.wasm"], "meshloom: none.wasm: can't be read: No such file or directory"),
        ([__file__], f'meshloom: {__file__}: not a wasm module: starts with b\'"""`\''),
        ([FILTER, "--config", "none"], "meshloom: --config none: No such file or directory"),
        ([FILTER, "--body", "none"], "meshloom: --body none: No such file or directory"),
        ([FILTER, "--config", FILTER], "refused the configuration"),
    ],
)
def test_bad_input_is_one_line_and_exits_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_a_header_without_colon_is_bad_input() -> None:
    result = run(FILTER, "-H", "nonsense")
    assert result.exit_code == 2
    assert "expected name:value, got 'nonsense'" in result.stderr


def test_the_whole_process_is_quick(tmp_path: Path) -> None:
    """0.4 s when the machine is idle; the bound here only finds what is badly wrong."""
    command = [sys.executable, "-c", "from meshloom.wasm import app; app()", "run", FILTER]
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    assert time.monotonic() - started < 4
