"""Guests in WAT that several tests of the rig need."""

from __future__ import annotations

from tests.wasm_filters.guests import guest, on_request_headers
from wasm_filters.pairs import encode_pairs


def data(at: int, content: bytes) -> str:
    escaped = "".join(f"\\{byte:02x}" for byte in content)
    return f'(data (i32.const {at}) "{escaped}")'


def asking(cluster: str) -> bytes:
    """A filter that asks ``cluster`` and waits for its answer, 0.2 s at most."""
    fields = encode_pairs([(b":method", b"GET"), (b":path", b"/who"), (b":authority", b"a")])
    name = cluster.encode()
    call = (
        f"(drop (call $http_call (i32.const 64) (i32.const {len(name)}) (i32.const 128)"
        f" (i32.const {len(fields)}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)"
        " (i32.const 200) (i32.const 0)))"
    )
    return guest(
        data(64, name),
        data(128, fields),
        '(func (export "proxy_on_context_create") (param $id i32) (param i32)'
        " (global.set $last (local.get $id)))",
        on_request_headers(call, answer=1),
        '(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)'
        " (drop (call $effective (global.get $last))) (drop (call $continue (i32.const 0))))",
        "(global $last (mut i32) (i32.const 0))",
        imports='(import "env" "proxy_http_call" (func $http_call'
        " (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"
        '(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))'
        '(import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))',
    )
