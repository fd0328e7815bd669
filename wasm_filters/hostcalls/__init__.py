"""All hostcalls, one module per section of the spec, in one table.

:data:`HOSTCALLS` maps the name that a module imports to its description. To add one, write its
function in the section's module and its line here.
"""

from __future__ import annotations

from collections.abc import Mapping

from wasm_filters.abi import (
    AbiVersion,
    BufferType,
    LogLevel,
    MapType,
    MetricType,
    StreamType,
)
from wasm_filters.hostcalls import (
    buffers,
    calls,
    clocks,
    configuration,
    fields,
    foreign,
    lifecycle,
    logging,
    metrics,
    names,
    properties,
    runtime,
    shared_data,
    streams,
)
from wasm_filters.hostcalls.hostcall import (
    Hostcall,
    body,
    flag,
    integer,
    metric,
    number,
    out_body,
    out_long,
    out_number,
    out_pairs,
    out_text,
    pairs,
    path,
    signed,
    text,
)
from wasm_filters.hostcalls.wasi import WASI, WASI_MODULES

__all__ = ["HOSTCALLS", "WASI", "WASI_MODULES", "Hostcall", "find"]

_OLD = frozenset({AbiVersion.V0_1_0})
_NEW = frozenset({AbiVersion.V0_2_0, AbiVersion.V0_2_1})
_NEWEST = frozenset({AbiVersion.V0_2_1})

_map = number("map", MapType)
_buffer = number("buffer", BufferType)
_stream = number("stream", StreamType)

# in the order of the spec's sections; parameters as the spec lists them
_TABLE = (
    # Context lifecycle
    Hostcall("proxy_done", lifecycle.done, ()),
    Hostcall("proxy_set_effective_context", lifecycle.set_effective_context, (number("context"),)),
    # Configuration
    Hostcall(
        "proxy_get_configuration", configuration.get_configuration, (out_text("value"),), _OLD
    ),
    # Logging
    Hostcall("proxy_log", logging.log, (number("level", LogLevel), text("message")), at_start=True),
    Hostcall(
        "proxy_get_log_level", logging.get_log_level, (out_number("level", LogLevel),), _NEWEST
    ),
    # Clocks, Timers
    Hostcall(
        "proxy_get_current_time_nanoseconds",
        clocks.get_current_time_nanoseconds,
        (out_long("time"),),
    ),
    Hostcall(
        "proxy_set_tick_period_milliseconds",
        clocks.set_tick_period_milliseconds,
        (number("period_ms"),),
    ),
    # Buffers
    Hostcall(
        "proxy_get_buffer_bytes",
        buffers.get_buffer_bytes,
        (_buffer, number("start"), number("max_size"), out_body("value")),
    ),
    Hostcall(
        "proxy_get_buffer_status",
        buffers.get_buffer_status,
        (_buffer, out_number("size"), out_number("flags")),
    ),
    Hostcall(
        "proxy_set_buffer_bytes",
        buffers.set_buffer_bytes,
        (_buffer, number("start"), number("size"), body("value")),
    ),
    # HTTP fields
    Hostcall("proxy_get_header_map_size", fields.get_header_map_size, (_map, out_number("size"))),
    Hostcall("proxy_get_header_map_pairs", fields.get_header_map_pairs, (_map, out_pairs("pairs"))),
    Hostcall("proxy_set_header_map_pairs", fields.set_header_map_pairs, (_map, pairs("pairs"))),
    Hostcall(
        "proxy_get_header_map_value",
        fields.get_header_map_value,
        (_map, text("key"), out_text("value")),
    ),
    Hostcall(
        "proxy_add_header_map_value",
        fields.add_header_map_value,
        (_map, text("key"), text("value")),
    ),
    Hostcall(
        "proxy_replace_header_map_value",
        fields.replace_header_map_value,
        (_map, text("key"), text("value")),
    ),
    Hostcall("proxy_remove_header_map_value", fields.remove_header_map_value, (_map, text("key"))),
    # Common stream operations, HTTP
    Hostcall("proxy_continue_stream", streams.continue_stream, (_stream,), _NEW),
    Hostcall("proxy_close_stream", streams.close_stream, (_stream,), _NEW),
    Hostcall("proxy_continue_request", streams.continue_request, (), _OLD),
    Hostcall("proxy_continue_response", streams.continue_response, (), _OLD),
    Hostcall("proxy_clear_route_cache", streams.clear_route_cache, (), _OLD),
    Hostcall("proxy_get_status", streams.get_status, (out_number("code"), out_text("message"))),
    Hostcall(
        "proxy_send_local_response",
        streams.send_local_response,
        (number("status"), text("details"), body("body"), pairs("headers"), integer("grpc_status")),
    ),
    # HTTP calls, gRPC calls
    Hostcall(
        "proxy_http_call",
        calls.http_call,
        (
            text("upstream"),
            pairs("headers"),
            body("body"),
            pairs("trailers"),
            number("timeout_ms"),
            out_number("call"),
        ),
    ),
    Hostcall(
        "proxy_grpc_call",
        calls.grpc_call,
        (
            text("upstream"),
            text("service"),
            text("method"),
            pairs("metadata"),
            body("message"),
            number("timeout_ms"),
            out_number("call"),
        ),
    ),
    Hostcall(
        "proxy_grpc_stream",
        calls.grpc_stream,
        (
            text("upstream"),
            text("service"),
            text("method"),
            pairs("metadata"),
            out_number("stream"),
        ),
    ),
    Hostcall(
        "proxy_grpc_send",
        calls.grpc_send,
        (number("stream"), body("message"), flag("end_of_stream")),
    ),
    Hostcall("proxy_grpc_cancel", calls.grpc_cancel, (number("call"),)),
    Hostcall("proxy_grpc_close", calls.grpc_close, (number("call"),)),
    # Shared Key-Value Store
    Hostcall(
        "proxy_get_shared_data",
        shared_data.get_shared_data,
        (text("key"), out_text("value"), out_number("cas")),
    ),
    Hostcall(
        "proxy_set_shared_data",
        shared_data.set_shared_data,
        (text("key"), text("value"), number("cas")),
    ),
    # Shared Queues
    Hostcall(
        "proxy_register_shared_queue",
        shared_data.register_shared_queue,
        (text("name"), out_number("queue")),
    ),
    Hostcall(
        "proxy_resolve_shared_queue",
        shared_data.resolve_shared_queue,
        (text("vm_id"), text("name"), out_number("queue")),
    ),
    Hostcall(
        "proxy_enqueue_shared_queue",
        shared_data.enqueue_shared_queue,
        (number("queue"), text("value")),
    ),
    Hostcall(
        "proxy_dequeue_shared_queue",
        shared_data.dequeue_shared_queue,
        (number("queue"), out_text("value")),
    ),
    # Metrics
    Hostcall(
        "proxy_define_metric",
        metrics.define_metric,
        (number("type", MetricType), text("name"), out_number("metric")),
    ),
    Hostcall(
        "proxy_increment_metric", metrics.increment_metric, (metric("metric"), signed("delta"))
    ),
    Hostcall("proxy_record_metric", metrics.record_metric, (metric("metric"), signed("value"))),
    Hostcall("proxy_get_metric", metrics.get_metric, (metric("metric"), out_long("value"))),
    # Properties
    Hostcall("proxy_get_property", properties.get_property, (path("path"), out_text("value"))),
    Hostcall("proxy_set_property", properties.set_property, (path("path"), text("value"))),
    # Foreign function interface
    Hostcall(
        "proxy_call_foreign_function",
        foreign.call_foreign_function,
        (text("name"), text("arguments"), out_text("results")),
    ),
    # Envoy's own
    Hostcall("envoy_resolve_dns", names.resolve_dns, (text("name"), out_number("token"))),
    # Emscripten's runtime
    Hostcall(
        "emscripten_notify_memory_growth",
        runtime.emscripten_notify_memory_growth,
        (number("memory"),),
        answers=False,
        at_start=True,
    ),
    Hostcall("pthread_equal", runtime.pthread_equal, (number("left"), number("right"))),
)

HOSTCALLS: Mapping[str, Hostcall] = {call.name: call for call in _TABLE}


def find(module: str, name: str, version: AbiVersion) -> Hostcall | None:
    """What answers the import ``module.name`` in this ABI version; None if nothing does."""
    if module in WASI_MODULES:
        return WASI.get(name)
    call = HOSTCALLS.get(name) if module == "env" else None
    return call if call is not None and version in call.versions else None
