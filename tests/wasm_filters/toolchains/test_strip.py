"""Debug sections go, everything else stays as it was."""

from __future__ import annotations

import wasmtime

from wasm_filters.toolchains.strip import without_debug

MODULE = bytes(wasmtime.wat2wasm('(module (func $named (export "run") (nop)))'))


def custom(name: bytes, content: bytes) -> bytes:
    """A custom section by hand, its size in two bytes: https://webassembly.github.io/spec/core"""
    body = bytes([len(name)]) + name + content
    return bytes([0, len(body) & 0x7F | 0x80, len(body) >> 7]) + body


def test_debug_sections_go_wherever_they_are() -> None:
    other = custom(b"producers", b"\0")
    debug = custom(b".debug_info", b"x" * 300), custom(b".debug_str", b"/home/me")
    code = MODULE[:8] + debug[0] + MODULE[8:] + debug[1] + other
    assert without_debug(code) == MODULE + other


def test_a_module_without_them_stays_as_it_is() -> None:
    assert b"named" in MODULE  # in the name section
    assert without_debug(MODULE) == MODULE
    assert without_debug(MODULE[:8]) == MODULE[:8]
