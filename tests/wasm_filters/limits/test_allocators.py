"""Whatever hands bytes to a filter asks the filter's own allocator, which may be hostile."""

from __future__ import annotations

import pytest

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.abi import AbiVersion
from wasm_filters.config import PluginConfig
from wasm_filters.engine.border import Limits
from wasm_filters.errors import DeadlineExceeded, GuestTrapped, HostcallRefused
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module
from wasm_filters.services.grpc_calls import frame
from wasm_filters.tracing.trace import Trace
from wasm_filters.worker import Worker

TEXT, NUMBER = Out.TEXT, Out.NUMBER
PATHS = {
    "proxy_get_header_map_value": [Call("proxy_get_header_map_value", [0, b":path", TEXT])],
    "proxy_get_header_map_pairs": [Call("proxy_get_header_map_pairs", [0, TEXT])],
    "proxy_get_buffer_bytes": [Call("proxy_get_buffer_bytes", [6, 0, 9, TEXT])],
    "proxy_get_property": [Call("proxy_get_property", [b"request\0path", TEXT])],
    "proxy_get_shared_data": [
        Call("proxy_set_shared_data", [b"k", b"value", 0]),
        Call("proxy_get_shared_data", [b"k", TEXT, NUMBER]),
    ],
    "proxy_dequeue_shared_queue": [
        Call("proxy_register_shared_queue", [b"q", NUMBER]),
        Call("proxy_enqueue_shared_queue", [1, b"item"]),
        Call("proxy_dequeue_shared_queue", [1, TEXT]),
    ],
}
OUT_OF_RANGE = ("0", "0xfffffff0", "0x3ffff")


def run(calls: list[Call], malloc: str, version: AbiVersion = AbiVersion.V0_2_1) -> Outcome:
    script = Script(
        {"proxy_on_request_headers": calls},
        version=version,
        malloc=f'(func $m (export "malloc") (param i32) (result i32) {malloc})',
    )
    worker = Worker(limits=Limits(deadline=0.05, memory=4 << 20))
    config = PluginConfig(vm_configuration=b"vm config", configuration=b"plugin config")
    return Filter(Module.of(script.code()), config, worker).handle(Request(path="/long"))


@pytest.mark.parametrize("address", OUT_OF_RANGE)
@pytest.mark.parametrize("name", PATHS)
def test_an_address_outside_is_a_status_and_a_warning(name: str, address: str) -> None:
    outcome = run(PATHS[name], f"(i32.const {address})")
    assert (outcome.status, outcome.failure) == (200, None)
    assert f"the allocator answered {int(address, 0):#x} for" in outcome.warnings[0]


@pytest.mark.parametrize("name", PATHS)
def test_a_trap_of_the_allocator_is_one_of_the_callback(name: str) -> None:
    failure = run(PATHS[name], "unreachable").failure
    assert isinstance(failure, GuestTrapped)
    assert str(failure).startswith("proxy_on_request_headers: malloc trapped: wasm `unreachable`")
    assert [one.function for one in failure.frames] == ["m", "proxy_on_request_headers"]


@pytest.mark.parametrize("name", PATHS)
def test_an_allocator_that_does_not_return_ends_with_the_callback(name: str) -> None:
    assert isinstance(run(PATHS[name], "(loop $l (br $l)) unreachable").failure, DeadlineExceeded)


def test_an_allocator_that_grows_the_memory_is_fine() -> None:
    grows = "(i32.mul (memory.grow (i32.const 1)) (i32.const 65536))"
    for name, calls in PATHS.items():
        outcome = run(calls, grows)
        assert (outcome.failure, outcome.warnings) == (None, ()), name


def test_the_configuration_of_the_first_abi_goes_the_same_way() -> None:
    calls: list[Call] = [Call("proxy_get_configuration", [TEXT])]
    outcome = run(calls, "(i32.const 0xfffffff0)", AbiVersion.V0_1_0)
    assert "the allocator answered 0xfffffff0 for 9 bytes" in outcome.warnings[0]


def test_the_message_of_a_failed_call_goes_the_same_way() -> None:
    script = Script(
        {
            "proxy_on_request_headers": [
                Call("proxy_grpc_call", [b"grpc", b"S", b"M", b"", b"x", 0, NUMBER])
            ],
            "proxy_on_grpc_close": [Call("proxy_get_status", [NUMBER, TEXT])],
        },
        malloc='(func (export "malloc") (param i32) (result i32) (i32.const -16))',
    )
    status = Headers.of({"grpc-status": "7", "grpc-message": "no"})
    answer = Response(200, body=Body(frame(b"x")), trailers=status)
    worker = Worker(clusters={"grpc": lambda request: answer})
    outcome = Filter(Module.of(script.code()), worker=worker).handle(Request())
    assert "proxy_on_grpc_close: the allocator answered 0xfffffff0 for 16 bytes" in str(
        outcome.warnings
    )


def test_the_allocator_may_log_and_ask_the_time_and_nothing_else() -> None:
    """So hostcalls nest at most once: none of those allocates."""
    malloc = """(func (export "malloc") (param i32) (result i32)
      (drop (call $proxy_log (i32.const 2) (i32.const 64) (i32.const 3)))
      (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 16)))
      (i32.const 1024))"""
    script = Script(
        {"proxy_on_request_headers": list(PATHS["proxy_get_header_map_value"])},
        malloc=malloc,
        imports=["proxy_log", "clock_time_get"],
    )
    trace = Trace()
    outcome = Filter(Module.of(script.code()), worker=Worker(listener=trace)).handle(Request())
    assert outcome.failure is None
    assert [event.depth for event in trace.events] == [0, 1, 2, 2]


def test_an_allocator_can_not_call_itself_through_a_hostcall() -> None:
    malloc = """(func (export "malloc") (param i32) (result i32)
      (drop (call $proxy_get_header_map_pairs (i32.const 0) (i32.const 0) (i32.const 4)))
      (i32.const 1024))"""
    script = Script(
        {"proxy_on_request_headers": list(PATHS["proxy_get_header_map_pairs"])}, malloc=malloc
    )
    failure = Filter(Module.of(script.code())).handle(Request()).failure
    assert isinstance(failure, HostcallRefused)
    assert "proxy_get_header_map_pairs may not be called while memory is allocated" in str(failure)
