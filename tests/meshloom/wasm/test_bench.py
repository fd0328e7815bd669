"""``meshloom wasm bench``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from meshloom.wasm import app
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["bench", *arguments])


def reads(folder: Path) -> str:
    call = Call("proxy_get_header_map_value", [0, b"x-a", Out.TEXT])
    file = folder / "f.wasm"
    file.write_bytes(Script({"proxy_on_request_headers": [call]}).code())
    return str(file)


def test_it_tells_of_requests_callbacks_and_hostcalls(tmp_path: Path) -> None:
    done = bench(reads(tmp_path), "-H", "x-a: 1", "--count", "20")
    assert done.exit_code == 0
    first, callback, title, hostcall, memory = done.stdout.splitlines()
    assert first.startswith("request   ")
    assert first.endswith("of 20")
    assert callback.split()[0] == "proxy_on_request_headers"
    assert callback.endswith("µs   1 hostcalls")
    assert (title, hostcall.split()) == (
        "hostcalls of a request",
        ["proxy_get_header_map_value", "1"],
    )
    assert memory == "memory of the VM   256 KiB, then 256 KiB"


def test_it_can_be_json(tmp_path: Path) -> None:
    found = json.loads(bench(reads(tmp_path), "--count", "5", "--json").stdout)
    assert (found["requests"], found["status"]) == (5, 200)
    assert found["callbacks"]["proxy_on_request_headers"]["hostcalls"] == 1
    assert found["memory"] == {"before": 262144, "after": 262144}


def test_a_filter_that_dies_exits_1(tmp_path: Path) -> None:
    file = tmp_path / "f.wasm"
    file.write_bytes(guest(on_request_headers("unreachable")))
    done = bench(str(file))
    assert done.exit_code == 1
    assert "proxy_on_request_headers: trapped" in done.stderr
    file.write_bytes(guest(on_request_headers("", answer=1)))
    done = bench(str(file))
    assert done.exit_code == 1
    assert "paused in proxy_on_request_headers, and nothing resumes it" in done.stderr


def test_bad_input_exits_2(tmp_path: Path) -> None:
    assert bench(str(tmp_path / "none.wasm")).exit_code == 2
    assert bench(reads(tmp_path), "--count", "0").exit_code == 2
