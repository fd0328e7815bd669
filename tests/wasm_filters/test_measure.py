"""What is measured of a filter; how long it takes is for benchmarks."""

from __future__ import annotations

from mesh_traffic import Request
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.filter import Filter
from wasm_filters.measure import measure
from wasm_filters.module import Module

GET = Call("proxy_get_header_map_value", [0, b":path", Out.TEXT])


def test_callbacks_and_hostcalls_are_counted_per_request() -> None:
    code = Script({"proxy_on_request_headers": [GET, GET], "proxy_on_log": [GET]}).code()
    found = measure(Filter(Module.of(code)), Request(), 50)
    assert found.requests == 50
    assert [(one.name, one.calls, one.hostcalls) for one in found.callbacks] == [
        ("proxy_on_request_headers", 1, 2),
        ("proxy_on_log", 1, 1),
    ]
    assert found.hostcalls == {"proxy_get_header_map_value": 3}
    assert 0 < found.best <= found.median <= found.p99
    assert all(one.microseconds < found.p99 * 10 for one in found.callbacks)


def test_memory_that_grows_is_seen() -> None:
    grows = on_request_headers("(drop (memory.grow (i32.const 1)))")
    before, after = measure(Filter(Module.of(guest(grows))), Request(), 30).memory
    assert after - before == 30 * 65536


def test_it_ends_with_a_request_that_kills_the_filter() -> None:
    dies = "(global.set $n (i32.add (global.get $n) (i32.const 1)))"
    dies += "(if (i32.eq (global.get $n) (i32.const 120)) (then (unreachable)))"
    code = guest("(global $n (mut i32) (i32.const 0))", on_request_headers(dies))
    found = measure(Filter(Module.of(code)), Request(), 1000)
    assert found.requests == 20
    assert found.outcome.failure is not None


def test_it_ends_with_a_request_that_is_never_answered() -> None:
    found = measure(Filter(Module.of(guest(on_request_headers("", answer=1)))), Request(), 10)
    assert (found.requests, found.outcome.paused) == (1, "proxy_on_request_headers")


def test_a_listener_that_was_there_is_there_again() -> None:
    filter_ = Filter(Module.of(guest()))
    assert filter_.worker.listener is None
    measure(filter_, Request(), 3)
    assert filter_.worker.listener is None
