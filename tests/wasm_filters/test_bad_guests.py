"""Guests that trap, hang, eat memory or lie: each ends in one message, and the host lives on."""

from __future__ import annotations

import time

import pytest

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.guests import guest, on_request_headers
from wasm_filters.config import PluginConfig
from wasm_filters.engine.border import Limits
from wasm_filters.errors import (
    DeadlineExceeded,
    GuestTrapped,
    HostcallRefused,
    ModuleError,
    PluginError,
)
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module
from wasm_filters.worker import Worker

GET_VALUE = """(import "env" "proxy_get_header_map_value"
    (func $get (param i32 i32 i32 i32 i32) (result i32)))"""
LOG = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'
QUICK = Limits(deadline=0.1)


def load(code: bytes, limits: Limits | None = None, configuration: bytes = b"") -> Filter:
    worker = Worker(limits=limits or Limits())
    return Filter(Module.of(code, "f.wasm"), PluginConfig(configuration=configuration), worker)


def handle(code: bytes, limits: Limits | None = None) -> Outcome:
    return load(code, limits).handle(Request())


def test_a_trap_answers_503_and_names_the_function() -> None:
    code = guest("(func $inner unreachable)", on_request_headers("(call $inner)"))
    outcome = handle(code)
    assert outcome.status == 503
    assert isinstance(outcome.failure, GuestTrapped)
    assert str(outcome.failure).startswith(
        "proxy_on_request_headers: trapped: wasm `unreachable` instruction executed, in inner at 0x"
    )
    assert [frame.function for frame in outcome.failure.frames] == ["inner", "on_request_headers"]


def test_after_a_trap_every_request_fails_and_no_callback_runs() -> None:
    filter_ = load(guest(on_request_headers("unreachable")))
    first = filter_.handle(Request())
    again = filter_.handle(Request())
    assert (again.status, again.failure, again.hostcalls) == (503, first.failure, 0)


def test_a_trap_in_the_log_comes_too_late_for_the_client() -> None:
    outcome = handle(guest('(func (export "proxy_on_log") (param i32) unreachable)'))
    assert outcome.status == 200
    assert isinstance(outcome.failure, GuestTrapped)


def test_a_trap_behind_the_response_headers_breaks_the_response() -> None:
    code = guest(
        '(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) unreachable)'
    )
    outcome = load(code).handle(Request(), lambda request: Response(body=Body(b"x")))
    assert (outcome.response, outcome.reset) == (None, True)


def test_an_endless_loop_ends_at_its_deadline() -> None:
    started = time.monotonic()
    outcome = handle(guest(on_request_headers("(loop $l (br $l))")), QUICK)
    assert isinstance(outcome.failure, DeadlineExceeded)
    assert "proxy_on_request_headers: ran longer than 0.1 s, in on_request_headers" in str(
        outcome.failure
    )
    assert time.monotonic() - started < 5


def test_an_endless_loop_of_hostcalls_ends_at_their_limit() -> None:
    body = "(loop $l (drop (call $log (i32.const 9) (i32.const 0) (i32.const 0))) (br $l))"
    outcome = handle(guest(on_request_headers(body), imports=LOG), Limits(hostcalls=1000))
    assert isinstance(outcome.failure, HostcallRefused)
    assert "more than 1000 hostcalls in one callback" in str(outcome.failure)


def test_an_endless_loop_in_malloc_ends_too() -> None:
    malloc = '(func $m (export "malloc") (param i32) (result i32) (loop $l (br $l)) unreachable)'
    body = (
        "(drop (call $get (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 64) (i32.const 68)))"
    )
    code = guest(
        '(data (i32.const 0) ":path")', on_request_headers(body), malloc=malloc, imports=GET_VALUE
    )
    assert isinstance(handle(code, QUICK).failure, DeadlineExceeded)


def test_endless_recursion_is_a_trap() -> None:
    code = guest("(func $deep (call $deep))", on_request_headers("(call $deep)"))
    failure = handle(code).failure
    assert isinstance(failure, GuestTrapped)
    assert "call stack exhausted, in deep" in str(failure)


def test_a_memory_bomb_stops_at_the_limit_and_says_so() -> None:
    body = """(loop $l (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1))
        (then unreachable)) (br $l))"""
    failure = handle(guest(on_request_headers(body)), Limits(memory=8 << 20)).failure
    assert "(memory is 7 of at most 8 MiB)" in str(failure)


def test_a_module_that_starts_with_too_much_memory_is_refused() -> None:
    with pytest.raises(ModuleError, match="memory minimum size of 200 pages exceeds memory limits"):
        load(guest(memory='(memory (export "memory") 200)'), Limits(memory=8 << 20))


@pytest.mark.parametrize("address", ["0", "0xfffffff0", "65534"])
def test_an_allocator_that_lies_gets_a_status_and_a_warning(address: str) -> None:
    """INVALID_MEMORY_ACCESS, as in Envoy; the callback answers with it, which pauses (6 > 4)."""
    malloc = f'(func (export "malloc") (param i32) (result i32) (i32.const {address}))'
    callback = """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $get (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 64) (i32.const 68)))"""
    code = guest('(data (i32.const 0) ":path")', callback, malloc=malloc, imports=GET_VALUE)
    outcome = load(code).handle(Request(path="/long"))
    assert outcome.failure is None
    assert outcome.paused == "proxy_on_request_headers"
    assert outcome.warnings == (
        f"proxy_on_request_headers: the allocator answered {int(address, 0):#x} for 5 bytes,"
        " outside of the 0x10000 bytes of memory; the hostcall got INVALID_MEMORY_ACCESS",
    )


def test_a_hostcall_from_malloc_is_refused() -> None:
    malloc = """(func (export "malloc") (param i32) (result i32)
        (call $get (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 64) (i32.const 68)))"""
    body = (
        "(drop (call $get (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 64) (i32.const 68)))"
    )
    code = guest(
        '(data (i32.const 0) ":path")', on_request_headers(body), malloc=malloc, imports=GET_VALUE
    )
    failure = handle(code).failure
    assert isinstance(failure, HostcallRefused)
    assert "proxy_get_header_map_value may not be called while memory is allocated" in str(failure)


def test_a_hostcall_while_the_module_starts_is_refused() -> None:
    start = """(func (export "_start")
        (drop (call $get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))"""
    with pytest.raises(
        HostcallRefused, match="_start: proxy_get_header_map_value may not be called"
    ):
        load(guest(start, imports=GET_VALUE))


def test_a_trap_in_a_start_section_names_it() -> None:
    with pytest.raises(GuestTrapped, match="start section: trapped: wasm `unreachable`"):
        load(guest("(func $boot unreachable)", "(start $boot)"))


def test_a_hang_while_starting_ends() -> None:
    with pytest.raises(DeadlineExceeded, match=r"_initialize: ran longer than 0\.1 s"):
        load(guest('(func (export "_initialize") (loop $l (br $l)))'), QUICK)


def test_a_filter_that_refuses_its_configuration() -> None:
    code = guest(
        '(data (i32.const 0) "no rules")',
        """(func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $log (i32.const 4) (i32.const 0) (i32.const 8))) (i32.const 0))""",
        imports=LOG,
    )
    with pytest.raises(PluginError) as caught:
        load(code, configuration=b"{}")
    assert str(caught.value) == (
        "f.wasm: proxy_on_configure refused the configuration; its last log: no rules"
    )


def test_a_filter_that_refuses_to_start() -> None:
    code = guest('(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))')
    with pytest.raises(PluginError, match=r"f\.wasm: proxy_on_vm_start refused to start"):
        load(code)


def test_a_pause_that_nobody_ends_is_told() -> None:
    outcome = handle(guest(on_request_headers("", answer=1)))
    assert (outcome.status, outcome.request) == (None, None)
    assert outcome.paused == "proxy_on_request_headers"


def test_a_wrong_content_length_is_warned_about() -> None:
    """Envoy would send it on and the upstream would wait for the rest."""
    request = Request("POST", headers=Headers.of({"content-length": "9"}), body=Body(b"1234"))
    outcome = load(guest()).handle(request)
    (warning,) = outcome.warnings
    assert warning.startswith("the request has 4 bytes of body and a content-length of 9")


def test_a_bug_of_ours_is_not_taken_for_the_guests() -> None:
    filter_ = load(
        guest(
            on_request_headers("(drop (call $log (i32.const 1) (i32.const 0) (i32.const 0)))"),
            imports=LOG,
        )
    )

    def broken(*arguments: int) -> int:
        raise ZeroDivisionError

    filter_.plugin.machine.vm.functions[0] = broken
    with pytest.raises(ZeroDivisionError):
        filter_.handle(Request())
