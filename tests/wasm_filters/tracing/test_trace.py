from __future__ import annotations

import json

import pytest

from mesh_traffic import Body, Headers, Request
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.probe import Call, Out, Probe
from tests.wasm_filters.script import Script
from wasm_filters.abi import CALLBACKS, Status
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.http.chain import HttpChain
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.tracing.callbacks import arguments
from wasm_filters.tracing.decode import dotted
from wasm_filters.tracing.trace import Trace
from wasm_filters.tracing.values import MAX_KEPT, MAX_SHOWN, Cut, Unreadable, plain, shown
from wasm_filters.worker import Worker

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
        "      ==> proxy_record_metric('load', -1)",
        "      ==> proxy_get_header_map_value(request_headers, <9 bytes at 0x7fffffff of 0x40000>)",
        "      <== invalid memory access",
        "      ==> proxy_send_local_response(status=429, details='', body='limit', "
        "headers={'a': 'b'}, grpc_status=-1)",
        "      ~ gauge: load 0 → 18446744073709551615",
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
        "plugin": "",
        "context": 2,
        "depth": 1,
        "later": 0,
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


def test_a_huge_value_is_cut_in_the_trace_too() -> None:
    body = Body(b"b" * (MAX_KEPT + 1))
    probe = Probe(
        {"proxy_on_request_body": [Call("proxy_get_buffer_bytes", [0, 0, 99999, Out.TEXT])]}
    )
    trace = traced(probe.code(), Request("POST", body=body))
    kept = next(event.results for event in trace.events if event.name.endswith("buffer_bytes"))
    assert kept["value"] == Cut(body.data[:-1], MAX_KEPT + 1)
    assert plain(kept["value"]) == {"cut": "b" * MAX_KEPT, "size": MAX_KEPT + 1}


def test_what_is_too_much_is_counted_and_the_rest_stays_whole() -> None:
    calls = [Call("proxy_get_header_map_value", [0, b":path", Out.TEXT])] * 5
    code = Script({"proxy_on_request_headers": calls, "proxy_on_log": []}).code()
    trace = Trace(max_events=3)
    filter_ = Filter(Module.of(code), worker=Worker(listener=trace))
    filter_.handle(Request(path="/"))
    assert (len(trace.events), trace.lost, trace.as_json()["lost"]) == (3, 4, 4)
    assert str(trace).splitlines()[-3:] == [
        "      <== ok '/'",
        "<== continue",
        "… 4 more calls were not kept",
    ]


def test_values_have_a_bound_of_their_own() -> None:
    calls = [Call("proxy_get_header_map_value", [0, b":path", Out.TEXT])] * 5
    trace = Trace(max_bytes=1000)
    code = Script({"proxy_on_request_headers": calls}).code()
    Filter(Module.of(code), worker=Worker(listener=trace)).handle(Request(path="/" * 600))
    assert trace.lost == 3


def test_after_a_trap_the_next_call_is_at_the_margin() -> None:
    trace = Trace()
    worker = Worker(listener=trace)
    hungry = Script(
        {"proxy_on_request_headers": [Call("proxy_get_header_map_value", [0, b":path", Out.TEXT])]},
        malloc='(func (export "malloc") (param i32) (result i32) (unreachable))',
    )
    Filter(Module.of(hungry.code()), worker=worker).handle(Request())
    Filter(Module.of(Script({"proxy_on_log": []}).code()), worker=worker).handle(Request())
    assert [event.depth for event in trace.events] == [0, 1, 0]
    failure = trace.events[0].as_json()["failure"]
    assert isinstance(failure, dict)
    assert failure["reason"] == "malloc trapped: wasm `unreachable` instruction executed"


def test_the_plugin_is_named_when_there_are_several() -> None:
    trace = Trace()
    worker = Worker(listener=trace)
    module = Module.of(Script({"proxy_on_request_headers": []}).code())
    plugins = [worker.plugin(module, PluginConfig(name)) for name in ("one", "two")]
    HttpChain(worker, plugins[:1]).handle(Request())
    assert str(trace).startswith("==> proxy_on_request_headers")
    HttpChain(worker, plugins).handle(Request())
    called = [line.partition("(")[0] for line in str(trace).splitlines() if "==>" in line]
    assert called == [
        "one: ==> proxy_on_request_headers",
        "one: ==> proxy_on_request_headers",
        "two: ==> proxy_on_request_headers",
    ]


def test_every_callback_of_the_abi_has_names_for_its_arguments() -> None:
    for signatures in CALLBACKS.values():
        for name, signature in signatures.items():
            named = arguments(name, tuple(range(len(signature.params))))
            assert not [label for label in named if label.startswith("p0")], name


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (b"request\0path", "request.path"),
        (b"request\0path\0", "request.path"),
        (b"a\0b.c\0d", "a['b.c'].d"),
        (b"a.b", "a.b"),
        (b"", ""),
        (b"\xff", "\\xff"),
    ],
)
def test_a_property_path_is_shown_dotted(path: bytes, shown: str) -> None:
    assert dotted(path) == shown


@pytest.mark.parametrize(
    ("value", "text", "data"),
    [
        (b"it's", '"it\'s"', "it's"),
        ("é".encode() * 150, f"'{'é' * 100}'… (300 bytes)", "é" * 150),
        (b"\xc3", "b'\\xc3'", {"base64": "ww=="}),
        ([(b"k", b"\0")], r"{'k': '\x00'}", [["k", "\0"]]),
        (Status.CAS_MISMATCH, "cas_mismatch", "cas_mismatch"),
        (True, "true", True),
        (Unreadable("3 pairs"), "<3 pairs>", {"unreadable": "3 pairs"}),
    ],
)
def test_values_are_text_where_they_can_be(value: object, text: str, data: object) -> None:
    assert (shown(value), plain(value)) == (text, data)


def test_without_a_listener_the_functions_are_called_directly() -> None:
    """So that a tracer costs nothing when there is none."""
    filter_ = Filter(Module.of(Probe({"proxy_on_request_headers": HELLO}).code()))
    plain = [type(function).__name__ for function in filter_.plugin.machine.vm.functions]
    calls = filter_.plugin.module.hostcalls
    behind = [function.func for function in filter_.plugin.machine.vm.functions]  # type: ignore[attr-defined] # partials, as the line above says
    assert set(plain) == {"partial"}
    assert behind == [call.function for call in calls]
