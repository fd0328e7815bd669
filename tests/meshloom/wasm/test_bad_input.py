"""Every sort of bad input to a command that runs a filter: one line that says what and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from meshloom.wasm import app
from tests.wasm_filters.guests import guest, wat
from tests.wasm_filters.odd_guests import LOG, REFUSED

SAYS_WHY = """(data (i32.const 0) "no rules")
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $log (i32.const 4) (i32.const 0) (i32.const 8))) (i32.const 0))"""
TRAPS = "(func $boot unreachable)"
TOLD_BY_MODULE = {
    "no wasm": (b"#!/bin/sh", "not a wasm module: starts with b'#!/b', expected b'\\x00asm'"),
    "text": (
        b"(module)",
        "not a wasm module: starts with b'(mod', expected b'\\x00asm'"
        " (WebAssembly text: build it with wat2wasm)",
    ),
    "a component": (
        wat("(component)"),
        "a wasm component, expected a core module: build for wasm32-wasip1, not wasip2",
    ),
    "no marker": (
        guest(marker=""),
        "no known Proxy-Wasm ABI version: found none, expected the export of one of"
        " proxy_abi_version_0_1_0, proxy_abi_version_0_2_0, proxy_abi_version_0_2_1;"
        " build it with a Proxy-Wasm SDK, which exports one",
    ),
    "a wrong signature": (
        REFUSED["callback_of_another_abi"].code,
        "proxy_on_request_headers has the wrong signature for ABI 0.2.1: found i32 i32 -> i32,"
        " expected i32 i32 i32 -> i32; that is ABI 0.1.0: the SDK and the marker are of different"
        " versions",
    ),
    "no malloc": (
        guest(malloc=""),
        "exports no allocator, expected one of malloc, proxy_on_memory_allocate; without one the"
        " host can hand nothing over: export malloc from the linker",
    ),
    "several things": (
        guest(malloc="", memory=""),
        "exports no memory, which crashes Envoy; export its memory"
        " (1 more problem: meshloom wasm inspect f.wasm)",
    ),
    "threads": (
        REFUSED["threads"].code,
        "uses threads; build it without (Envoy would take it, meshloom does not)",
    ),
    "a refused configuration": (
        guest(SAYS_WHY, imports=LOG),
        "proxy_on_configure refused the configuration; its last log: no rules",
    ),
    "a refused start": (
        guest('(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))'),
        "proxy_on_vm_start refused to start",
    ),
}
STOPPED = {
    "a trap in the start section": (
        guest(TRAPS, "(start $boot)"),
        "start section: trapped: wasm `unreachable` instruction executed, in boot at 0x",
    ),
    "a trap in _start": (
        guest('(func $go (export "_start") unreachable)'),
        "_start: trapped: wasm `unreachable` instruction executed, in go at 0x",
    ),
    "a trap in the configuration": (
        guest(TRAPS, '(func $conf (export "proxy_on_configure") (param i32 i32) (result i32)'
              " (call $boot) (i32.const 1))"),
        "proxy_on_configure: trapped: wasm `unreachable` instruction executed, in boot at 0x",
    ),
    "a hostcall while it starts": (
        guest('(func $go (export "_start") (drop (call $done)))',
              imports='(import "env" "proxy_done" (func $done (result i32)))'),
        "_start: proxy_done may not be called while the module starts, in go at 0x",
    ),
}  # fmt: skip


def refusal(code: bytes) -> str:
    Path("f.wasm").write_bytes(code)
    result = CliRunner().invoke(app, ["run", "f.wasm"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    return result.stderr.removesuffix("\n")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", TOLD_BY_MODULE)
def test_bad_input_is_one_line_that_says_what_and_where(name: str) -> None:
    code, told = TOLD_BY_MODULE[name]
    assert refusal(code) == f"meshloom: f.wasm: {told}"


@pytest.mark.parametrize("name", STOPPED)
def test_a_guest_that_stops_while_it_starts_is_named_with_its_function(name: str) -> None:
    code, told = STOPPED[name]
    assert refusal(code).startswith(f"meshloom: f.wasm: {told}")
