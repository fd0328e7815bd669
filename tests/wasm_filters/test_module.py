"""What Envoy would not load is refused with one line that says what was found and wanted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.wasm_filters.guests import guest, wat
from wasm_filters.abi import AbiVersion
from wasm_filters.errors import ModuleError
from wasm_filters.module import MAX_BYTES, Module


def refusal(code: bytes) -> str:
    with pytest.raises(ModuleError) as caught:
        Module.of(code, "f.wasm")
    return str(caught.value)


def test_bytes_that_are_no_wasm() -> None:
    assert refusal(b"#!/bin/sh") == (
        "f.wasm: not a wasm module: starts with b'#!/b', expected b'\\x00asm'"
    )


def test_an_empty_file() -> None:
    assert refusal(b"") == (
        "f.wasm: not a wasm module: starts with an empty file, expected b'\\x00asm'"
    )


def test_webassembly_text_gets_a_hint() -> None:
    assert refusal(b"(module)").endswith("(WebAssembly text: build it with wat2wasm)")


def test_a_component() -> None:
    assert refusal(wat("(component)")) == (
        "f.wasm: a wasm component, expected a core module: build for wasm32-wasip1, not wasip2"
    )


def test_a_truncated_module() -> None:
    assert refusal(guest()[:-3]).startswith("f.wasm: not a valid wasm module: ")


def test_no_abi_marker() -> None:
    assert refusal(guest(marker="")) == (
        "f.wasm: no known Proxy-Wasm ABI version: found none, expected the export of one of"
        " proxy_abi_version_0_1_0, proxy_abi_version_0_2_0, proxy_abi_version_0_2_1;"
        " build it with a Proxy-Wasm SDK, which exports one"
    )


def test_an_abi_of_the_future() -> None:
    code = guest(marker='(func (export "proxy_abi_version_0_3_0"))')
    assert "found proxy_abi_version_0_3_0, expected" in refusal(code)


def test_a_callback_of_another_abi() -> None:
    """Envoy: "Bad function signature ... want: i32 i32 i32 -> i32"."""
    code = guest(
        '(func (export "proxy_on_request_headers") (param i32 i32) (result i32) (i32.const 0))'
    )
    assert refusal(code) == (
        "f.wasm: proxy_on_request_headers has the wrong signature for ABI 0.2.1:"
        " found i32 i32 -> i32, expected i32 i32 i32 -> i32;"
        " that is ABI 0.1.0: the SDK and the marker are of different versions"
    )


def test_no_allocator() -> None:
    assert refusal(guest(malloc="")) == (
        "f.wasm: exports no allocator, expected one of malloc, proxy_on_memory_allocate; without"
        " one the host can hand nothing over: export malloc from the linker"
    )


def test_no_memory() -> None:
    assert refusal(guest(memory="")) == (
        "f.wasm: exports no memory, which crashes Envoy; export its memory"
    )


def test_unknown_imports_are_all_named_with_whose_they_are() -> None:
    imports = """(import "env" "proxy_redis_call" (func (param i32)))
        (import "env" "proxy_get_upstream_hosts" (func))"""
    assert refusal(guest(imports=imports)) == (
        "f.wasm: imports env.proxy_get_upstream_hosts, env.proxy_redis_call, which are Higress's"
        " own; run it in Higress, or build it with the plain Go SDK"
    )


def test_several_problems_are_one_line_that_says_where_the_others_are() -> None:
    imports = '(import "env" "proxy_redis_call" (func)) (import "other" "thing" (func))'
    assert refusal(guest(imports=imports, malloc="")) == (
        "f.wasm: imports env.proxy_redis_call, which is Higress's own; run it in Higress, or build"
        " it with the plain Go SDK (2 more problems: meshloom wasm inspect f.wasm)"
    )


def test_an_import_of_another_abi_version_is_unknown() -> None:
    imports = '(import "env" "proxy_get_log_level" (func (param i32) (result i32)))'
    marker = '(func (export "proxy_abi_version_0_2_0"))'
    assert refusal(guest(imports=imports, marker=marker)) == (
        "f.wasm: imports env.proxy_get_log_level, which ABI 0.2.0 does not have;"
        " export the marker of 0.2.1, and keep to that version"
    )


def test_an_import_with_the_wrong_signature() -> None:
    imports = '(import "env" "proxy_log" (func (param i32) (result i32)))'
    assert refusal(guest(imports=imports)) == (
        "f.wasm: imports env.proxy_log as i32 -> i32, expected i32 i32 i32 -> i32;"
        " take the declaration from an SDK"
    )


def test_a_memory_from_outside_is_no_function() -> None:
    code = wat('(module (import "env" "proxy_log" (memory 1)) (func (export "malloc")))')
    assert "no known Proxy-Wasm ABI version" in refusal(code)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match=r"none\.wasm: can't be read: No such file or directory"):
        Module.load(tmp_path / "none.wasm")


@pytest.mark.parametrize("version", AbiVersion)
def test_the_marker_tells_the_version(version: AbiVersion) -> None:
    code = guest(marker=f'(func (export "{version.marker}"))')
    assert Module.of(code).version is version


def test_malloc_comes_before_the_newer_name() -> None:
    newer = '(func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 8))'
    assert Module.of(guest(newer)).allocator == "malloc"
    assert Module.of(guest(newer, malloc="")).allocator == "proxy_on_memory_allocate"


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wasm")
    with pytest.raises(ModuleError, match=r"pipe\.wasm: can't be read: not a regular file"):
        Module.load(tmp_path / "pipe.wasm")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(device: str) -> None:
    with pytest.raises(ModuleError, match=f"{device}: can't be read: not a regular file"):
        Module.load(device)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match=r"can't be read: Is a directory"):
        Module.load(tmp_path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "large.wasm", "wb") as file:
        file.truncate(1 << 36)  # it would not fit into any memory
    wanted = f"large\\.wasm: {1 << 36} bytes, expected at most {MAX_BYTES}"
    with pytest.raises(ModuleError, match=wanted):
        Module.load(tmp_path / "large.wasm")
