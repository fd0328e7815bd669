"""What is traced for the golden files: each scenario answers the trace of one small story."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.config import PluginConfig
from wasm_filters.http.chain import HttpChain
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.services.grpc_calls import frame
from wasm_filters.services.upstream import Answer, Upstream
from wasm_filters.tcp.chain import TcpChain
from wasm_filters.tracing.trace import Trace
from wasm_filters.worker import Worker

TEXT, NUMBER, LONG = Out.TEXT, Out.NUMBER, Out.LONG
POST = Request(
    "POST",
    "/orders?id=1",
    "shop",
    headers=Headers.of({"x-a": "1", "x-old": "gone", "cookie": "a=b"}),
    body=Body(b"0123456789"),
    trailers=Headers.of({"x-sum": "45"}),
)
REPLY = Response(200, Headers.of({"server": "up"}), Body(b"\x00\xff\xfe"))


def chain(
    scripts: Mapping[str, Script], clusters: Mapping[str, Upstream] | None = None
) -> tuple[Trace, HttpChain]:
    trace = Trace()
    worker = Worker(clusters=clusters or {}, listener=trace)
    plugins = [
        worker.plugin(Module.of(script.code()), PluginConfig(name))
        for name, script in scripts.items()
    ]
    return trace, HttpChain(worker, plugins)


def changed() -> Trace:
    """Fields, bodies and trailers that a filter changes, and what it only reads."""
    script = Script(
        {
            "proxy_on_request_headers": [
                Call("proxy_get_header_map_value", [0, b"x-a", TEXT]),
                Call("proxy_get_header_map_value", [0, b"x-none", TEXT]),
                Call("proxy_replace_header_map_value", [0, b"x-a", b"2"]),
                Call("proxy_remove_header_map_value", [0, b"x-old"]),
                Call("proxy_add_header_map_value", [0, b"x-new", b"a"]),
                Call("proxy_add_header_map_value", [0, b"x-new", b"b"]),
                Call("proxy_add_header_map_value", [0, b"cookie", b"c=d"]),
            ],
            "proxy_on_request_body": [
                Call("proxy_get_buffer_status", [0, 8, 12]),
                Call("proxy_get_buffer_bytes", [0, 0, 4, TEXT]),
                Call("proxy_set_buffer_bytes", [0, 0, 4, b"hello"]),
            ],
            "proxy_on_request_trailers": [Call("proxy_get_header_map_pairs", [1, TEXT])],
            "proxy_on_response_headers": [
                Call("proxy_set_header_map_pairs", [2, encode_pairs([(b":status", b"201")])])
            ],
            "proxy_on_response_body": [
                Call("proxy_get_buffer_bytes", [1, 0, 99, TEXT]),
                Call("proxy_add_header_map_value", [3, b"x-made", b"here"]),
            ],
            "proxy_on_log": [Call("proxy_log", [2, b"that's it"])],
        }
    )
    trace, filters = chain({"": script})
    filters.handle(POST, lambda request: REPLY)
    return trace


def state() -> Trace:
    """What lives longer than a callback: properties, shared data, queues, metrics."""
    script = Script(
        {
            "proxy_on_vm_start": [Call("proxy_register_shared_queue", [b"jobs", NUMBER])],
            "proxy_on_configure": [
                Call("proxy_get_buffer_bytes", [7, 0, 99, TEXT]),
                Call("proxy_define_metric", [0, b"requests", NUMBER]),
                Call("proxy_define_metric", [2, b"latency", NUMBER]),
                Call("proxy_get_log_level", [NUMBER]),
            ],
            "proxy_on_request_headers": [
                Call("proxy_get_property", [b"request\0path", TEXT]),
                Call("proxy_get_property", [b"request\0headers\0x.y", TEXT]),
                Call("proxy_set_property", [b"mine", b"1"]),
                Call("proxy_get_shared_data", [b"seen", TEXT, NUMBER]),
                Call("proxy_set_shared_data", [b"seen", b"1", 0]),
                Call("proxy_set_shared_data", [b"seen", b"2", 99]),
                Call("proxy_increment_metric", [4, 3]),
                Call("proxy_record_metric", [6, 250]),
                Call("proxy_get_metric", [4, LONG]),
                Call("proxy_increment_metric", [40, -1]),
                Call("proxy_enqueue_shared_queue", [1, b"job"]),
                Call("proxy_call_foreign_function", [b"no_such_function", b"", TEXT]),
                Call("proxy_get_current_time_nanoseconds", [LONG]),
                Call("proxy_done", []),
            ],
            "proxy_on_queue_ready": [
                Call("proxy_dequeue_shared_queue", [1, TEXT]),
                Call("proxy_dequeue_shared_queue", [1, TEXT]),
            ],
        }
    )
    trace, filters = chain({"": script})
    filters.handle(Request("GET", "/a"))
    return trace


def waits() -> Trace:
    """Two plugins; the first waits for a callout, and the second's turn comes when it goes on."""
    fields = [(b":method", b"GET"), (b":path", b"/may"), (b":authority", b"auth")]
    call = Call(
        "proxy_http_call", [b"auth", encode_pairs(fields), b"", encode_pairs([]), 1000, NUMBER]
    )
    asks = Script(
        {
            "proxy_on_request_headers": [call],
            "proxy_on_http_call_response": [
                Call("proxy_get_status", [NUMBER, TEXT]),
                Call("proxy_get_header_map_value", [6, b":status", TEXT]),
                Call("proxy_get_buffer_bytes", [4, 0, 99, TEXT]),
                Call("proxy_set_effective_context", [2]),
                Call("proxy_add_header_map_value", [0, b"x-user", b"bob"]),
                Call("proxy_continue_stream", [0]),
            ],
        },
        answers={"proxy_on_request_headers": 1},
    )
    marks = Script(
        {
            "proxy_on_request_headers": [
                Call("proxy_get_header_map_value", [0, b"x-user", TEXT]),
                Call(
                    "proxy_send_local_response",
                    [429, b"too many", b"slow down", encode_pairs([(b"retry-after", b"1")]), -1],
                ),
            ],
            "proxy_on_response_headers": [],
        }
    )
    answer = Answer(Response(200, body=Body(b"yes")), after=0.25)
    trace, filters = chain({"auth": asks, "limit": marks}, {"auth": lambda request: answer})
    filters.handle(Request("GET", "/", "a"))
    return trace


def timers() -> Trace:
    """Ticks, a gRPC stream, and the end of a root context that takes its time."""
    script = Script(
        {
            "proxy_on_configure": [Call("proxy_set_tick_period_milliseconds", [500])],
            "proxy_on_tick": [
                Call("proxy_grpc_stream", [b"log", b"Log", b"Tail", encode_pairs([]), NUMBER]),
                Call("proxy_grpc_send", [6, b"from here", 1]),
                Call("proxy_grpc_call", [b"none", b"Log", b"Put", b"", b"x", 5, NUMBER]),
                Call("proxy_set_tick_period_milliseconds", [0]),
            ],
            "proxy_on_grpc_receive_initial_metadata": [
                Call("proxy_get_header_map_pairs", [4, TEXT])
            ],
            "proxy_on_grpc_receive": [Call("proxy_get_buffer_bytes", [5, 0, 99, TEXT])],
            "proxy_on_grpc_receive_trailing_metadata": [],
            "proxy_on_grpc_close": [Call("proxy_get_status", [NUMBER, TEXT])],
            "proxy_on_foreign_function": [Call("proxy_get_buffer_bytes", [8, 0, 9, TEXT])],
            "proxy_on_done": [Call("proxy_grpc_cancel", [6]), Call("proxy_grpc_close", [3])],
        },
        answers={"proxy_on_done": 0},
    )
    status = Headers.of({"grpc-status": "7", "grpc-message": "not you"})
    answer = Response(200, Headers(), Body(frame(b"line")), status)
    trace, filters = chain({"": script}, {"log": lambda request: Answer(answer, 0.001)})
    filters.worker.advance(1.5)
    filters.plugins[0].foreign_function(3, b"arg")
    filters.plugins[0].shut_down()
    return trace


def connection() -> Trace:
    """A TCP connection."""
    script = Script(
        {
            "proxy_on_new_connection": [Call("proxy_get_property", [b"source\0address", TEXT])],
            "proxy_on_downstream_data": [Call("proxy_set_buffer_bytes", [2, 0, 0, b"> "])],
            "proxy_on_upstream_data": [Call("proxy_close_stream", [2])],
            "proxy_on_downstream_connection_close": [],
            "proxy_on_upstream_connection_close": [],
            "proxy_on_log": [],
        },
        answers={"proxy_on_upstream_data": 1},
    )
    trace = Trace()
    worker = Worker(listener=trace)
    plugin = worker.plugin(Module.of(script.code()), PluginConfig("tcp"))
    client = TcpChain(worker, [plugin]).connect()
    client.from_client(b"hello", ends=True)
    client.from_upstream(b"bye")
    return trace


def wasi() -> Trace:
    """What an SDK's runtime asks for."""
    iovecs = "(i32.store (i32.const 200) (i32.const 300)) (i32.store (i32.const 204) (i32.const 3))"
    text = "(i32.store (i32.const 300) (i32.const 0x0a6968))"
    script = Script(
        {
            "proxy_on_vm_start": [
                iovecs + text,
                Call("fd_write", [2, 200, 1, NUMBER]),
                Call("fd_write", [7, 200, 1, NUMBER]),
                Call("clock_time_get", [1, 1000, LONG]),
                Call("clock_time_get", [9, 0, LONG]),
                Call("random_get", [400, 4]),
                Call("environ_sizes_get", [8, 12]),
                Call("environ_get", [500, 600]),
                Call("path_open", [3, 0, b"/etc/passwd", 0, 0, 0, 0, 8]),
                Call("fd_prestat_get", [3, 8]),
                Call("sched_yield", []),
                Call("proc_exit", [1]),
                Call("pthread_equal", [4, 4]),
            ]
        }
    )
    return chain({"": script})[0]


def traps() -> Trace:
    """A trap in the allocator, in the middle of a hostcall; a second request finds a dead VM."""
    malloc = """(func $hungry (export "malloc") (param i32) (result i32)
      (drop (call $proxy_log (i32.const 3) (i32.const 32) (i32.const 8)))
      (if (i32.eq (local.get 0) (i32.const 3)) (then (unreachable)))
      (i32.const 1024))"""
    script = Script(
        {
            "proxy_on_request_headers": [
                "(i64.store (i32.const 32) (i64.const 0x657461636f6c6c61))",
                Call("proxy_get_header_map_value", [0, b"x-four", TEXT]),
                Call("proxy_remove_header_map_value", [0, b"x-four"]),
                Call("proxy_get_header_map_value", [0, b"x-three", TEXT]),
            ]
        },
        malloc=malloc,
        imports=["proxy_log"],
    )
    trace, filters = chain({"": script})
    request = Request("GET", "/", "a", headers=Headers.of({"x-four": "1234", "x-three": "123"}))
    filters.handle(request)
    filters.handle(request)
    return trace


SCENARIOS: Mapping[str, Callable[[], Trace]] = {
    "changed": changed,
    "state": state,
    "waits": waits,
    "timers": timers,
    "connection": connection,
    "wasi": wasi,
    "traps": traps,
}
