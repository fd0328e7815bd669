"""What loads and still surprises, one note each; a plain guest has none but its missing names."""

from __future__ import annotations

import pytest

from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.odd_guests import PLAIN, export
from wasm_filters.inspection.inspect import inspect

HEADERS = on_request_headers("")
CALL = """(import "env" "proxy_http_call"
    (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"""
TICK = '(import "env" "proxy_set_tick_period_milliseconds" (func (param i32) (result i32)))'
CLOCK = '(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))'
INITIALIZE = '(func (export "_initialize"))'


def test_a_filter_with_names_has_no_note() -> None:
    assert inspect(guest(HEADERS)).notes == ()


@pytest.mark.parametrize(
    ("code", "note"),
    [
        (guest(HEADERS, "(func $boot) (start $boot)"),
         "has a start section: a hostcall from there crashes Envoy"),
        (guest(HEADERS, INITIALIZE, '(func (export "_start"))'),
         "exports _initialize and _start: _start is not called"),
        (guest(HEADERS, imports=CLOCK),
         "exports neither _initialize nor _start: nothing starts its runtime"),
        (guest(HEADERS, export("proxy_on_request_hedaers", "i32")),
         "exports proxy_on_request_hedaers, which is no callback: nobody calls it;"
         " did you mean 'proxy_on_request_headers'?"),
        (guest(HEADERS, export("proxy_on_redis_call_response", "i32")),
         "exports proxy_on_redis_call_response, which is no callback: nobody calls it;"
         " did you mean 'proxy_on_http_call_response'?"),
        (guest(HEADERS, export("envoy_on_x")),
         "exports envoy_on_x, which is no callback: nobody calls it"),
        (guest(HEADERS, imports=CALL),
         "calls proxy_http_call and exports no proxy_on_http_call_response:"
         " what comes of it is lost"),
        (guest(HEADERS, imports=TICK),
         "calls proxy_set_tick_period_milliseconds and exports no proxy_on_tick:"
         " what comes of it is lost"),
        (guest(), "exports no callback of a stream: as a filter it lets everything pass"),
        (guest(HEADERS, '(func (export "proxy_abi_version_0_2_0"))'),
         "exports markers of ABI 0.2.0 and 0.2.1: the first one counts, 0.2.1"),
        (guest(HEADERS, export("proxy_on_memory_allocate", "i32", "i32")),
         "exports malloc and proxy_on_memory_allocate: Envoy takes malloc"),
        (guest(HEADERS, '(memory (export "two") 1)'),
         "has 2 memories: hostcalls use 'two'"),
    ],
)  # fmt: skip
def test_what_surprises_is_noted(code: bytes, note: str) -> None:
    assert inspect(code).notes == (note,)


def test_a_module_without_names_says_what_that_costs() -> None:
    assert inspect(PLAIN).notes[-1] == (
        "has no name section: the backtrace of a trap is numbers only"
    )
