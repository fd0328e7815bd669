"""Small guests for tests, in WAT: a module that Envoy would load, with the parts that matter."""

from __future__ import annotations

import wasmtime

MALLOC = """(func $malloc (export "malloc") (param i32) (result i32) (i32.const 1024))"""
MEMORY = """(memory (export "memory") 1)"""
MARKER = """(func (export "proxy_abi_version_0_2_1"))"""


def guest(
    *parts: str, marker: str = MARKER, memory: str = MEMORY, malloc: str = MALLOC, imports: str = ""
) -> bytes:
    """A module of ``parts``, complete unless one of the rest is replaced."""
    return wat(f"(module {imports} {memory} {marker} {malloc} {' '.join(parts)})")


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def on_request_headers(body: str, answer: int = 0) -> str:
    return (
        '(func $on_request_headers (export "proxy_on_request_headers")'
        f" (param i32 i32 i32) (result i32) {body} (i32.const {answer}))"
    )
