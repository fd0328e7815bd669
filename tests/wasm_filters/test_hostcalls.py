"""The table of hostcalls, and those that keep state: shared data, queues, metrics, WASI."""

from __future__ import annotations

import inspect
from random import Random

import pytest

from mesh_traffic import Request
from tests.wasm_filters.guests import guest
from tests.wasm_filters.probe import Call, Out, Probe
from wasm_filters.abi import AbiVersion, LogLevel, MetricType
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.hostcalls import HOSTCALLS, WASI, Hostcall, find
from wasm_filters.loop import FakeClock
from wasm_filters.module import Module
from wasm_filters.state.shared import SharedState
from wasm_filters.worker import Worker

V0_1_0, V0_2_0, V0_2_1 = AbiVersion
OLD_ONLY = {
    "proxy_clear_route_cache",
    "proxy_continue_request",
    "proxy_continue_response",
    "proxy_get_configuration",
}


def messages(
    calls: list[Call], config: PluginConfig | None = None, worker: Worker | None = None
) -> list[str]:
    """What one probe logs in its request headers callback."""
    module = Module.of(Probe({"proxy_on_request_headers": calls}).code())
    logs = Filter(module, config, worker).handle(Request()).logs
    prefix = "request_headers "
    return [log.message.removeprefix(prefix) for log in logs if log.message.startswith(prefix)]


def of_version(version: AbiVersion) -> set[str]:
    return {name for name in HOSTCALLS if find("env", name, version)}


def test_each_abi_version_has_its_functions() -> None:
    new = {"proxy_continue_stream", "proxy_close_stream"}
    assert of_version(V0_2_1) - of_version(V0_2_0) == {"proxy_get_log_level"}
    assert of_version(V0_2_0) - of_version(V0_1_0) == new
    assert of_version(V0_1_0) - of_version(V0_2_0) == OLD_ONLY
    assert len(of_version(V0_2_1)) == 39 + 3  # two are of the Emscripten runtime, one is of Envoy


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("proxy_log", "i32 i32 i32 -> i32"),
        ("proxy_send_local_response", "i32 i32 i32 i32 i32 i32 i32 i32 -> i32"),
        ("proxy_http_call", "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 -> i32"),
        ("proxy_grpc_call", "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 -> i32"),
        ("proxy_grpc_stream", "i32 i32 i32 i32 i32 i32 i32 i32 i32 -> i32"),
        ("proxy_get_shared_data", "i32 i32 i32 i32 i32 -> i32"),
        ("proxy_increment_metric", "i32 i64 -> i32"),
        ("proxy_get_metric", "i32 i32 -> i32"),
        ("proxy_call_foreign_function", "i32 i32 i32 i32 i32 i32 -> i32"),
        ("emscripten_notify_memory_growth", "i32 -> void"),
    ],
)
def test_signatures_are_those_of_the_spec(name: str, signature: str) -> None:
    assert str(HOSTCALLS[name].signature) == signature


@pytest.mark.parametrize("call", HOSTCALLS.values(), ids=lambda call: call.name)
def test_a_hostcall_takes_one_argument_per_value(call: Hostcall) -> None:
    parameters = inspect.signature(call.function).parameters
    if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
        return
    assert len(parameters) == 1 + len(call.signature.params)
    assert call.function.__doc__


def test_both_names_of_wasi_give_the_same() -> None:
    for name in WASI:
        assert find("wasi_unstable", name, V0_1_0) is find("wasi_snapshot_preview1", name, V0_2_1)
    assert find("wasi_snapshot_preview2", "fd_write", V0_2_1) is None


def test_shared_data_is_compared_and_swapped() -> None:
    get = Call("proxy_get_shared_data", [b"k", Out.TEXT, 8])

    def put(value: bytes, cas: int) -> Call:
        return Call("proxy_set_shared_data", [b"k", value, cas], f"set {cas}")

    assert messages([get, put(b"a", 7), get, put(b"b", 99), put(b"c", 1), get]) == [
        "proxy_get_shared_data=1 ~",
        "set 7=0 ",
        "proxy_get_shared_data=0 a",
        "set 99=8 ",
        "set 1=0 ",
        "proxy_get_shared_data=0 c",
    ]


def test_filters_with_the_same_vm_id_share_and_others_do_not() -> None:
    shared = SharedState()
    put = [Call("proxy_set_shared_data", [b"k", b"v", 0])]
    get = [Call("proxy_get_shared_data", [b"k", Out.TEXT, 8], "get")]
    messages(put, PluginConfig(vm_id="one"), Worker(shared=shared))
    assert messages(get, PluginConfig(vm_id="one"), Worker(shared=shared)) == ["get=0 v"]
    assert messages(get, PluginConfig(vm_id="two"), Worker(shared=shared)) == ["get=1 ~"]


def test_a_queue_gives_back_what_it_got() -> None:
    assert messages(
        [
            Call("proxy_dequeue_shared_queue", [1, Out.TEXT], "unknown"),
            Call("proxy_enqueue_shared_queue", [1, b"x"], "unknown"),
            Call("proxy_resolve_shared_queue", [b"", b"q", Out.NUMBER], "resolve"),
            Call("proxy_register_shared_queue", [b"q", Out.NUMBER], "register"),
            Call("proxy_register_shared_queue", [b"q", Out.NUMBER], "again"),
            Call("proxy_resolve_shared_queue", [b"", b"q", Out.NUMBER], "resolve"),
            Call("proxy_dequeue_shared_queue", [1, Out.TEXT], "empty"),
            Call("proxy_enqueue_shared_queue", [1, b"x"], "put"),
            Call("proxy_enqueue_shared_queue", [1, b"y"], "put"),
            Call("proxy_dequeue_shared_queue", [1, Out.TEXT], "get"),
        ]
    ) == [
        "unknown=1 ~",
        "unknown=1 ",
        "resolve=1 0 ",
        "register=0 1 ",
        "again=0 1 ",
        "resolve=0 1 ",
        "empty=7 ~",
        "put=0 ",
        "put=0 ",
        "get=0 x",
    ]


def test_the_plugin_is_told_of_its_queue() -> None:
    calls = [
        Call("proxy_register_shared_queue", [b"q", Out.NUMBER]),
        Call("proxy_enqueue_shared_queue", [1, b"x"]),
    ]
    extra = """(func (export "proxy_on_queue_ready") (param i32 i32)
        (call $begin (i32.const 0) (i32.const 0)) (call $number (i64.extend_i32_u (local.get 0)))
        (call $number (i64.extend_i32_u (local.get 1))) (call $end))"""
    module = Module.of(Probe({"proxy_on_request_headers": calls}, extra=extra).code())
    assert "1 1 " in [log.message for log in Filter(module).handle(Request()).logs]


def test_metrics_have_the_ids_and_rules_of_envoy() -> None:
    def define(kind: MetricType, name: bytes) -> Call:
        return Call("proxy_define_metric", [kind, name, Out.NUMBER], f"define {name.decode()}")

    def change(name: str, metric: int, value: int) -> Call:
        call = f"proxy_{name}_metric"
        return Call(call, [metric, value], f"{name} {metric} {value}", frozenset({1}))

    def get(metric: int) -> Call:
        return Call("proxy_get_metric", [metric, Out.LONG], f"get {metric}")

    assert messages(
        [
            define(MetricType.COUNTER, b"c"),
            define(MetricType.COUNTER, b"c"),
            define(MetricType.GAUGE, b"g"),
            define(MetricType.HISTOGRAM, b"h"),
            Call("proxy_define_metric", [3, b"x", Out.NUMBER], "define unknown"),
            change("increment", 4, 2),
            change("increment", 4, 0),
            change("record", 8, 5),
            get(4),
            change("increment", 5, -3),
            change("record", 5, 10),
            get(5),
            change("increment", 6, 1),
            change("record", 6, 1),
            get(6),
            change("record", 12, 1),
        ]
    ) == [
        "define c=0 4 ",
        "define c=0 8 ",
        "define g=0 5 ",
        "define h=0 6 ",
        "define unknown=2 0 ",
        "increment 4 2=0 ",
        "increment 4 0=2 ",
        "record 8 5=0 ",
        "get 4=0 7 ",
        "increment 5 -3=0 ",
        "record 5 10=0 ",
        "get 5=0 10 ",
        "increment 6 1=2 ",
        "record 6 1=0 ",
        "get 6=2 0 ",
        "record 12 1=1 ",
    ]


def test_the_clock_stands_still_until_it_is_moved() -> None:
    clock = FakeClock(41)
    read = [Call("proxy_get_current_time_nanoseconds", [Out.LONG], "now")]
    assert messages(read, worker=Worker(clock=clock)) == ["now=0 41 "]
    clock.ns = 42
    assert messages(read, worker=Worker(clock=clock)) == ["now=0 42 "]


WASI_GUEST = """
  (data (i32.const 256) "\\00\\02\\00\\00\\05\\00\\00\\00\\05\\02\\00\\00\\07\\00\\00\\00")
  (data (i32.const 512) "hello world\\n")
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (i32.store (i32.const 0) (call $fd_write
      (i32.const 2) (i32.const 256) (i32.const 2) (i32.const 4)))
    (drop (call $environ_sizes_get (i32.const 8) (i32.const 12)))
    (drop (call $environ_get (i32.const 16) (i32.const 32)))
    (drop (call $random_get (i32.const 64) (i32.const 4)))
    (i32.store (i32.const 72) (call $random_get (i32.const 64) (i32.const 65537)))
    (i32.store (i32.const 76) (call $fd_write
      (i32.const 3) (i32.const 256) (i32.const 2) (i32.const 4)))
    (i32.store (i32.const 80) (call $fd_write
      (i32.const 1) (i32.const 0xfffffff0) (i32.const 2) (i32.const 4)))
    (i32.const 0))"""
WASI_IMPORTS = """
  (import "wasi_unstable" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))"""


def test_wasi_writes_logs_and_reads_what_it_was_given() -> None:
    config, worker = PluginConfig(environment={"A": "1"}), Worker(random=Random(1))
    filter_ = Filter(Module.of(guest(WASI_GUEST, imports=WASI_IMPORTS)), config, worker)
    outcome = filter_.handle(Request())
    assert [(log.level, log.message) for log in outcome.logs] == [(LogLevel.ERROR, "hello world")]
    memory = filter_.plugin.host.memory
    assert [memory.read_u32(at) for at in (0, 4, 8, 12, 16)] == [0, 12, 1, 4, 32]
    assert memory.read(32, 4) == b"A=1\0"
    assert memory.read(64, 4) == Random(1).randbytes(4)
    assert [memory.read_u32(at) for at in (72, 76, 80)] == [28, 8, 21]  # INVAL, BADF, FAULT
