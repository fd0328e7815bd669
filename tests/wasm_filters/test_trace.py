from __future__ import annotations

import json

from mesh_traffic import Body, Headers, Request
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.probe import Call, Out, Probe
from wasm_filters.filter import Filter
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.trace import MAX_SHOWN, Trace

HELLO = [
    Call("proxy_get_header_map_value", [0, b"authorization", Out.TEXT]),
    Call("proxy_get_header_map_value", [0, b"x-none", Out.TEXT]),
    Call("proxy_get_header_map_pairs", [2, Out.TEXT]),
    Call("proxy_get_property", [b"plugin_root_id", Out.TEXT]),
    Call("proxy_get_current_time_nanoseconds", [Out.LONG]),
    Call("proxy_define_metric", [1, b"load", Out.NUMBER]),
    Call("proxy_record_metric", [5, -1], long=frozenset({1})),
    Call("proxy_get_header_map_value", [0, 0x7FFFFFFF, 9, Out.TEXT]),
    Call("proxy_send_local_response", [429, b"", b"limit", encode_pairs([(b"a", b"b")]), -1]),
]


def traced(code: bytes, request: Request) -> Trace:
    filter_ = Filter(Module.of(code))
    trace = Trace()
    filter_.worker.listen(trace)
    filter_.handle(request)
    return trace


def test_the_text_is_meant_to_be_read() -> None:
    probe = Probe({"proxy_on_request_headers": HELLO}, answers={"proxy_on_request_headers": 1})
    request = Request("GET", "/", "a", headers=Headers.of({"authorization": "it's me"}))
    lines = [
        line for line in str(traced(probe.code(), request)).splitlines() if "_log(" not in line
    ]
    shown = [line for line in lines if line != "      <== ok"]
    start = shown.index("==> proxy_on_request_headers(context=2, headers=5, end_of_stream=true)")
    end = shown.index("<== stop iteration")
    assert shown[start + 1 : end] == [
        "      ==> proxy_get_header_map_value(request_headers, 'authorization')",
        """      <== ok "it's me\"""",
        "      ==> proxy_get_header_map_value(request_headers, 'x-none')",
        "      <== not found",
        "      ==> proxy_get_header_map_pairs(response_headers)",
        "      <== ok {}",
        "      ==> proxy_get_property('plugin_root_id')",
        "      <== ok ''",
        "      ==> proxy_get_current_time_nanoseconds()",
        "      <== ok 1700000000000000000",
        "      ==> proxy_define_metric(gauge, 'load')",
        "      <== ok 5",
        "      ==> proxy_record_metric(5, -1)",
        "      ==> proxy_get_header_map_value(request_headers, <9 bytes at 0x7fffffff of 0x40000>)",
        "      <== invalid memory access",
        "      ==> proxy_send_local_response(status=429, details='', body='limit', "
        "headers={'a': 'b'}, grpc_status=4294967295)",
    ]


def test_the_answers_of_callbacks_have_names() -> None:
    probe = Probe({}, answers={"proxy_on_request_body": 2, "proxy_on_response_headers": 9})
    text = str(traced(probe.code(), Request(body=Body(b"x"))))
    assert "<== stop iteration and watermark" in text
    probe = Probe({}, answers={"proxy_on_request_headers": 9})
    assert "<== 9" in str(traced(probe.code(), Request()))


def test_the_events_are_plain_data() -> None:
    probe = Probe({"proxy_on_request_headers": HELLO[:1]})
    request = Request(headers=Headers.of({"authorization": "me"}))
    events = [event.as_json() for event in traced(probe.code(), request).events]
    assert {
        "call": "proxy_get_header_map_value",
        "inside": "proxy_on_request_headers",
        "arguments": {"map": "request_headers", "key": "authorization"},
        "answer": "ok",
        "results": {"value": "me"},
    } in events
    json.dumps(events)


def test_a_trap_leaves_its_callback_without_answer() -> None:
    trace = traced(guest(on_request_headers("unreachable")), Request())
    assert (trace.events[-1].name, trace.events[-1].answer) == ("proxy_on_request_headers", None)


def test_a_long_value_is_cut_in_the_text_only() -> None:
    value = "v" * (MAX_SHOWN + 1)
    probe = Probe({"proxy_on_request_headers": HELLO[:1]})
    trace = traced(probe.code(), Request(headers=Headers.of({"authorization": value})))
    assert f"{'v' * MAX_SHOWN}'… (201 bytes)" in str(trace)
    assert any(event.results.get("value") == value.encode() for event in trace.events)


def test_without_a_listener_the_functions_are_called_directly() -> None:
    """So that a tracer costs nothing when there is none."""
    filter_ = Filter(Module.of(Probe({"proxy_on_request_headers": HELLO}).code()))
    plain = [type(function).__name__ for function in filter_.plugin.machine.vm.functions]
    calls = filter_.plugin.module.hostcalls
    behind = [function.func for function in filter_.plugin.machine.vm.functions]  # type: ignore[attr-defined]
    assert set(plain) == {"partial"}
    assert behind == [call.function for call in calls]
