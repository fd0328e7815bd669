"""``meshloom wasm inspect``: what it prints, and its exit codes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import wasm_filters
from meshloom.wasm import app
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.odd_guests import REFUSED, with_section

FILTER = Path(wasm_filters.__file__).parent / "filters" / "header_policy" / "header_policy.wasm"
READ = """(import "wasi_snapshot_preview1" "path_open"
    (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"""
SMALL = """\
small.wasm
  size        {size} bytes
  sha256      {sha256}
  ABI         0.2.1
  language    unknown
  SDK         unknown
  memory      1 page (64 KiB), no maximum, exported as 'memory'
  names       of 2 functions
  sections    name 31 B

callbacks
  start       _initialize                               void -> void
              malloc                                    i32 -> i32
  HTTP        proxy_on_request_headers                  i32 i32 i32 -> i32

imports
  env         proxy_log, proxy_set_tick_period_milliseconds
  wasi_snapshot_preview1
              path_open
              path_open: always answers NOENT (44)

notes
  calls proxy_set_tick_period_milliseconds and exports no proxy_on_tick: what comes of it is lost

loads in Envoy and in meshloom
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def inspect(code: bytes, *options: str, name: str = "f.wasm") -> Result:
    Path(name).write_bytes(code)
    return CliRunner().invoke(app, ["inspect", name, *options])


def test_a_module_is_shown_on_one_page() -> None:
    imports = """(import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
        (import "env" "proxy_set_tick_period_milliseconds" (func (param i32) (result i32)))"""
    code = guest('(func (export "_initialize"))', on_request_headers(""), imports=imports + READ)
    result = inspect(code, name="small.wasm")
    assert result.exit_code == 0
    shown = SMALL.format(size=len(code), sha256=hashlib.sha256(code).hexdigest())
    assert result.stdout == shown


def test_our_own_filter_says_what_it_is_made_of() -> None:
    result = inspect(FILTER.read_bytes())
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["language", "AssemblyScript"] in lines
    assert ["SDK", "@gcoredev/proxy-wasm-sdk-as"] in lines


def test_what_would_not_load_says_everything_that_is_wrong_and_exits_1() -> None:
    result = inspect(REFUSED["everything_at_once"].code)
    assert result.exit_code == 1
    problems = result.stdout[result.stdout.index("6 problems") :]
    assert problems.splitlines()[3:7] == [
        "  imports env.proxy_redis_init, which is Higress's own",
        "    run it in Higress, or build it with the plain Go SDK",
        "  imports env.abort, which is how AssemblyScript gives up",
        "    build with --use abort=abort_proc_exit or --use abort=",
    ]
    assert problems.endswith("\ndoes not load in Envoy or in meshloom\n")
    assert "no callbacks" not in result.stdout
    assert "expected i32 -> void" in result.stdout


@pytest.mark.parametrize(
    ("name", "said", "verdict"),
    [
        ("threads", "uses threads   (Envoy takes it)", "loads in Envoy, does not load in meshloom"),
        ("damaged_names", "for damaged   (meshloom takes it)",
         "loads in meshloom, does not load in Envoy"),
    ],
)  # fmt: skip
def test_what_only_one_of_the_two_takes_exits_1_too(name: str, said: str, verdict: str) -> None:
    result = inspect(REFUSED[name].code)
    assert result.exit_code == 1
    assert f"{said}\n" in result.stdout
    assert result.stdout.endswith(f"\n\n{verdict}\n")


def test_json_says_everything() -> None:
    result = inspect(guest(malloc="", imports=READ, memory='(memory (export "m") 2 3)'), "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["abi"] == "0.2.1"
    assert found["memory"] == {
        "export": "m", "minimum": 2, "maximum": 3, "page": 65536, "shared": False, "64_bit": False,
    }  # fmt: skip
    assert found["imports"] == [
        {
            "module": "wasi_snapshot_preview1",
            "name": "path_open",
            "kind": "function",
            "signature": "i32 i32 i32 i32 i32 i64 i64 i32 i32 -> i32",
            "note": "always answers NOENT (44)",
        }
    ]
    assert [problem["refused_by"] for problem in found["problems"]] == [["Envoy", "meshloom"]]
    assert found["loads"] == {"Envoy": False, "meshloom": False}


def test_what_a_stranger_wrote_does_not_reach_the_terminal_as_it_is() -> None:
    language = b"\x08language\x01\x02Go\x07\x1b[2J\x1b[H"
    result = inspect(with_section(b"producers", b"\x01" + language))
    assert "\x1b" not in result.stdout
    assert "Go \\x1b[2J\\x1b[H" in result.stdout


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (b"", "f.wasm: not a wasm module: starts with an empty file, expected b'\\x00asm'"),
        (b"\0asm\x0d\0\x01\0", "f.wasm: a wasm component, expected a core module: build for"),
        (guest()[:-2], "f.wasm: not a valid wasm module: byte 0x"),
    ],
)
def test_what_is_no_module_is_one_line_and_exits_2(code: bytes, told: str) -> None:
    result = inspect(code)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"meshloom: {told}")
    assert result.stderr.count("\n") == 1


def test_a_file_that_is_not_there_is_one_line_and_exits_2() -> None:
    result = CliRunner().invoke(app, ["inspect", "none.wasm"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "meshloom: none.wasm: can't be read: No such file or directory\n"
