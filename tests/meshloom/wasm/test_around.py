"""``meshloom wasm run`` with real servers around the filter, and in either mode."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import wasm_filters
from meshloom.wasm import app
from tests.wasm_filters.guests import guest, on_request_headers

FILTERS = Path(wasm_filters.__file__).parent / "filters"
POLICY = str(FILTERS / "header_policy" / "header_policy.wasm")
ASKS = str(FILTERS / "async_auth" / "async_auth.wasm")


class Server(http.server.BaseHTTPRequestHandler):
    """Lets everybody in but ``/secret``."""

    def do_GET(self) -> None:
        self.send_response(403 if self.path == "/secret" else 200)
        self.send_header("content-length", "3")
        self.end_headers()
        self.wfile.write(b"yes")

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "config.json"
    file.write_text('{"cluster": "auth"}')
    return str(file)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", *arguments])


def test_a_server_can_be_the_upstream(url: str) -> None:
    result = run(POLICY, "--upstream", url)
    assert result.exit_code == 0
    assert "  body      yes" in result.stdout


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/secret", 403)])
def test_a_server_can_be_what_the_filter_calls(
    url: str, config: str, path: str, status: int
) -> None:
    result = run(ASKS, "--config", config, "--cluster", f"auth={url}", "--path", path, "--json")
    found = json.loads(result.stdout)
    assert found["status"] == status
    assert found["callouts"] == [
        {"cluster": "auth", "method": "GET", "path": path, "status": status}
    ]


def test_callouts_are_shown(url: str, config: str) -> None:
    result = run(ASKS, "--config", config, "--cluster", f"auth={url}")
    assert "  callout   auth  GET /   200" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--upstream", "nowhere"], "--upstream: expected http://HOST:PORT, got 'nowhere'"),
        (["--cluster", "auth"], "--cluster: expected http://HOST:PORT, got ''"),
        (["--cluster", "auth=ftp://x"], "--cluster: expected http://HOST:PORT, got 'ftp://x'"),
    ],
)
def test_what_is_no_server_is_bad_input(arguments: list[str], message: str) -> None:
    result = run(POLICY, *arguments)
    assert (result.exit_code, result.stderr) == (2, f"meshloom: {message}\n")


def test_what_a_filter_leans_on_is_noted_and_the_mode_decides(tmp_path: Path) -> None:
    get = """(drop (call $get (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 64)
        (i32.const 68)))"""
    imports = """(import "env" "proxy_get_header_map_value"
        (func $get (param i32 i32 i32 i32 i32) (result i32)))"""
    file = tmp_path / "host.wasm"
    file.write_bytes(guest('(data (i32.const 0) "host")', on_request_headers(get), imports=imports))
    result = run(str(file))
    assert "note: leans on Envoy: proxy_on_request_headers: host-is-authority" in result.stderr
    traces = [run(str(file), "--mode", mode, "--trace").stdout for mode in ("envoy", "spec")]
    assert ["not found" in trace for trace in traces] == [False, True]
