"""The oracle: probes that make the same hostcalls here and in a real Envoy, and log each answer.

Everything that a filter can see must be equal: the callbacks with their arguments, each hostcall's
status and value, what the upstream saw and what the client got. All scenarios share one Envoy.
What differs for a reason is in ``only_in_envoy`` and in the docstrings, and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.filter_rig.client import Ending
from mini_mesh.filter_rig.rig import Exchanged
from tests.wasm_filters.probe import CALLBACKS, Call, Out, Probe
from tests.wasm_filters.real_envoy import Fields, WasmFilter, envoy_with_filters
from wasm_filters.abi import LogLevel
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.worker import Worker

CONFIGURATION = "configured"
ANSWER = Response(
    200,
    Headers.of({"content-length": "3", "date": "now", "server": "up", "x-r": "r1"}),
    Body(b"abc"),
)
STARTS = 2  # for each filter Envoy starts a VM to validate it and one for the main thread
REQUEST, RESPONSE = 0, 2

_value = "proxy_get_header_map_value"
_add = "proxy_add_header_map_value"


def _everything() -> list[Call]:
    """Every hostcall that answers the same whenever it is made, on every map and buffer."""
    calls = [Call("proxy_done"), Call("proxy_get_log_level", [Out.NUMBER])]
    for kind in range(10):
        calls += [
            Call(_value, [kind, b"X-A", Out.TEXT], f"x-a in {kind}"),
            Call(_value, [kind, b"missing", Out.TEXT], f"missing in {kind}"),
            Call("proxy_get_header_map_pairs", [kind, Out.TEXT], f"pairs {kind}"),
            Call("proxy_get_header_map_size", [kind, Out.NUMBER], f"map size {kind}"),
            Call("proxy_get_buffer_status", [kind, Out.NUMBER, 12], f"buffer size {kind}"),
            Call("proxy_get_buffer_bytes", [kind, 0, 100, Out.TEXT], f"buffer {kind}"),
            Call("proxy_get_buffer_bytes", [kind, 3, 4, Out.TEXT], f"buffer {kind} middle"),
            Call("proxy_get_buffer_bytes", [kind, 0xFFFFFFFF, 9, Out.TEXT], f"buffer {kind} far"),
        ]
    calls += [_property(path) for path in PROPERTIES]
    calls += [
        Call("proxy_get_status", [Out.NUMBER, 20, 24]),
        Call("proxy_set_effective_context", [99], "unknown context"),
        Call("proxy_set_effective_context", [0], "context 0"),
        Call(_value, [0, 0x7FFFFFFF, 5, Out.TEXT], "key outside of memory"),
        Call("proxy_set_property", [b"mine", b"value"]),
        _property("mine"),
        Call("proxy_set_property", [b"request\0path", b"faked"], "fake a property"),
        Call("proxy_call_foreign_function", [b"unknown", b"", Out.TEXT]),
    ]
    for kind in (0, 1, 2, 3, 4, 6, 9):
        calls += [
            Call(_add, [kind, b"x-w", b"v"], f"add {kind}"),
            Call("proxy_replace_header_map_value", [kind, b"x-w", b"w"], f"replace {kind}"),
            Call("proxy_remove_header_map_value", [kind, b"x-w"], f"remove {kind}"),
            Call("proxy_set_buffer_bytes", [kind, 0, 0, b""], f"set buffer {kind}"),
        ]
    return calls


PROPERTIES = [
    "request.path",
    "request.url_path",
    "request.host",
    "request.scheme",
    "request.method",
    "request.headers.x-a",
    "request.headers.missing",
    "request.referer",
    "request.useragent",
    "request.id",
    "request.protocol",
    "request.query",
    "request.size",
    "request.total_size",
    "response.code",
    "response.code_details",
    "response.flags",
    "response.grpc_status",
    "response.headers.x-r",
    "response.trailers",
    "response.size",
    "response.total_size",
    "plugin_name",
    "plugin_root_id",
    "plugin_vm_id",
    "mine",
    "mine.more",
    "request",
    "response",
    "xds",
    "node",
    "request.missing",
    "response.missing",
    "missing.path",
]


def _property(path: str) -> Call:
    return Call("proxy_get_property", [path.replace(".", "\0").encode(), Out.TEXT], path)


def _old(call: Call) -> bool:
    return call.name != "proxy_get_log_level"


def _reply(status: int, body: bytes = b"", headers: bytes = b"", grpc: int = -1) -> Call:
    arguments = [status, b"my details", body, headers, grpc]
    return Call("proxy_send_local_response", arguments, "reply")


@dataclass(frozen=True)
class Scenario:
    probe: Probe
    method: str = "GET"
    fields: Fields = field(default_factory=lambda: [("x-a", "1")])
    body: bytes = b""


_seen = [
    Call("proxy_get_header_map_pairs", [RESPONSE, Out.TEXT], "response"),
    _property("response.code"),
    _property("response.code_details"),
]
_code_and_details = _seen[1:]
_look = {"proxy_on_response_headers": _seen, "proxy_on_log": _code_and_details}
_grpc = [("content-type", "application/grpc")]
_json = encode_pairs([(b"Content-Type", b"application/json"), (b"x-l", b"1"), (b"x-l", b"2")])
_request_body = [Call("proxy_get_buffer_bytes", [0, 0, 99, Out.TEXT], "body")]
_response_body = [Call("proxy_get_buffer_bytes", [1, 0, 99, Out.TEXT], "body")]
_phases = {name: _everything() for name in CALLBACKS}


def _set(kind: int, start: int, size: int, data: bytes) -> Call:
    return Call("proxy_set_buffer_bytes", [kind, start, size, data], f"set {start} {size}")


def _without_length(kind: int) -> list[Call]:
    return [Call("proxy_remove_header_map_value", [kind, b"content-length"])]


def _post(probe: Probe) -> Scenario:
    return Scenario(probe, "POST", body=b"0123456789")


SCENARIOS = {
    "everything": Scenario(
        Probe(_phases),
        "POST",
        [("x-a", "1"), ("User-Agent", "ua"), ("referer", "ref"), ("accept", "a"), ("accept", "b")],
        b"0123456789",
    ),
    "everything_0_2_0": _post(
        Probe({n: list(filter(_old, c)) for n, c in _phases.items()}, version="0.2.0")
    ),
    "everything_0_1_0": _post(
        Probe(
            {
                name: [*filter(_old, calls), Call("proxy_get_configuration", [Out.TEXT])]
                for name, calls in _phases.items()
            },
            version="0.1.0",
        )
    ),
    "host_is_authority": Scenario(
        Probe(
            {
                "proxy_on_request_headers": [
                    Call(_value, [REQUEST, b"host", Out.TEXT]),
                    Call("proxy_replace_header_map_value", [REQUEST, b"Host", b"other"]),
                    Call("proxy_get_header_map_pairs", [REQUEST, Out.TEXT]),
                ]
            }
        )
    ),
    "inline_headers_are_joined": Scenario(
        Probe(
            {
                "proxy_on_request_headers": [
                    *(Call(_add, [REQUEST, n, b"2"]) for n in (b"accept", b"x-a", b":path")),
                    Call("proxy_get_header_map_pairs", [REQUEST, Out.TEXT]),
                ],
                "proxy_on_response_headers": [
                    *(Call(_add, [RESPONSE, n, b"2"]) for n in (b"server", b"x-r", b"accept")),
                    Call("proxy_get_header_map_pairs", [RESPONSE, Out.TEXT]),
                ],
            }
        ),
        fields=[("accept", "1"), ("x-a", "1")],
    ),
    "all_fields_at_once": Scenario(
        Probe(
            {
                "proxy_on_response_headers": [
                    Call(
                        "proxy_set_header_map_pairs",
                        [RESPONSE, encode_pairs([(b"B", b"1"), (b":status", b"201")])],
                    ),
                    Call("proxy_get_header_map_pairs", [RESPONSE, Out.TEXT]),
                ]
            }
        )
    ),
    "reply": _post(
        Probe({"proxy_on_request_headers": [_reply(418, b"tea", _json), _reply(419)], **_look})
    ),
    "reply_without_body": _post(
        Probe({"proxy_on_request_headers": [_reply(401, b"", _json)], **_look})
    ),
    "reply_to_head": Scenario(
        Probe({"proxy_on_request_headers": [_reply(404, b"none")], **_look}), "HEAD"
    ),
    "reply_to_grpc": Scenario(
        Probe({"proxy_on_request_headers": [_reply(403, b"no % \n")]}), "POST", _grpc, b"x"
    ),
    "reply_with_grpc_status": Scenario(
        Probe({"proxy_on_request_headers": [_reply(403, b"", b"", 9)]}), "POST", _grpc, b"x"
    ),
    "reply_in_body": _post(Probe({"proxy_on_request_body": [_reply(403, b"no")], **_look})),
    "reply_in_response": _post(
        Probe(
            {
                "proxy_on_response_headers": [*_seen, _reply(404, b"no")],
                "proxy_on_log": _code_and_details,
            }
        )
    ),
    "reply_twice": _post(
        Probe(
            {
                "proxy_on_request_headers": [_reply(404, b"first")],
                "proxy_on_response_headers": [*_seen, _reply(405, b"second")],
            }
        )
    ),
    "reply_too_late": _post(
        Probe({"proxy_on_response_body": [_reply(404, b"late")], "proxy_on_log": _code_and_details})
    ),
    "close": Scenario(
        Probe(
            {
                "proxy_on_request_headers": [Call("proxy_close_stream", [0])],
                "proxy_on_log": _code_and_details,
            }
        )
    ),
    "buffer_request": _post(
        Probe({"proxy_on_request_body": _request_body}, answers={"proxy_on_request_body": (1, 0)})
    ),
    "watermark_request": _post(
        Probe({"proxy_on_request_body": _request_body}, answers={"proxy_on_request_body": (2, 0)})
    ),
    "buffer_response": Scenario(
        Probe(
            {"proxy_on_response_body": _response_body}, answers={"proxy_on_response_body": (1, 0)}
        )
    ),
    "end_stream_continues": _post(Probe({}, answers={"proxy_on_request_headers": 2})),
    "change_request_body": _post(
        Probe(
            {
                "proxy_on_request_headers": _without_length(REQUEST),
                "proxy_on_request_body": [
                    _set(0, 0, 0, b"<"),
                    _set(0, 999, 0, b">"),
                    _set(0, 3, 1, b"m"),
                    _set(0, 0, 3, b"ABC"),
                    *_request_body,
                ],
            }
        )
    ),
    "change_response_body": Scenario(
        Probe(
            {
                "proxy_on_response_headers": _without_length(RESPONSE),
                "proxy_on_response_body": [_set(1, 0, 999, b"ABC"), *_response_body],
            },
            answers={"proxy_on_response_body": (1, 0)},
        )
    ),
    "made_trailers": _post(
        Probe(
            {
                "proxy_on_request_body": [Call(_add, [1, b"x-t", b"1"])],
                "proxy_on_log": [Call(_value, [1, b"x-t", Out.TEXT])],
            }
        )
    ),
    "trap_in_request": _post(Probe({}, traps=frozenset({"proxy_on_request_headers"}))),
    "trap_in_response": _post(Probe({}, traps=frozenset({"proxy_on_response_headers"}))),
    "trap_in_response_body": _post(Probe({}, traps=frozenset({"proxy_on_response_body"}))),
    "trap_in_log": _post(Probe({}, traps=frozenset({"proxy_on_log"}))),
}


@dataclass(frozen=True)
class Pair:
    """The same scenario in both engines: what was logged at the start and in the request."""

    here: Outcome
    here_start: list[str]
    envoy: Exchanged
    envoy_start: list[str]
    envoy_logs: list[str]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    codes = {name: scenario.probe.code() for name, scenario in SCENARIOS.items()}
    filters = {name: WasmFilter(code, CONFIGURATION) for name, code in codes.items()}
    folder = tmp_path_factory.mktemp("envoy")
    with envoy_with_filters(folder, filters, ANSWER) as envoy:
        exchanged = {
            name: envoy.request(name, s.method, "/hello?q=1&b=2", s.fields, s.body)
            for name, s in SCENARIOS.items()
        }
    found: dict[str, Pair] = {}
    starts = envoy.logs("")
    for name, scenario in SCENARIOS.items():
        start, here = _here(name, scenario, codes[name])
        found[name] = Pair(here, start, exchanged[name], starts[: len(start)], envoy.logs(name))
        del starts[: STARTS * len(start)]
    return found


def _here(name: str, scenario: Scenario, code: bytes) -> tuple[list[str], Outcome]:
    worker = Worker(log_level=LogLevel.TRACE)
    config = PluginConfig(name=name, configuration=CONFIGURATION.encode())
    filter_ = Filter(Module.of(code), config, worker)
    started = [log.message for log in worker.journal.logs]
    worker.journal.logs.clear()
    lengths = [("content-length", str(len(scenario.body)))] if scenario.body else []
    fields = Headers.of([*scenario.fields, *lengths, ("x-forwarded-proto", "http")])
    body = Body(scenario.body)
    request = Request(scenario.method, "/hello?q=1&b=2", "test", "http", fields, body)
    return started, filter_.handle(request, lambda request: ANSWER)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_filter_sees_the_same_here_and_in_envoy(pairs: dict[str, Pair], name: str) -> None:
    pair = pairs[name]
    assert pair.here_start == pair.envoy_start
    assert [log.message for log in pair.here.logs] == pair.envoy_logs


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_upstream_sees_the_same(pairs: dict[str, Pair], name: str) -> None:
    """Except ``transfer-encoding``, which Envoy's codec writes for a body without length."""
    pair = pairs[name]
    if pair.here.request is None:  # a reply to the body comes when the head has gone on
        assert [seen.body for seen in pair.envoy.upstream] in ([], [b""])
        return
    request = pair.here.request
    (seen,) = pair.envoy.upstream
    assert seen.start == f"{request.method} {request.path} HTTP/1.1"
    assert seen.body == request.body.data
    if "transfer-encoding" in seen.headers:  # HTTP/1 has no trailers after a known length
        assert seen.trailers == request.trailers
    host = ("host", request.authority)
    assert _without(seen.headers, "transfer-encoding") == [host, *request.headers]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_client_gets_the_same(pairs: dict[str, Pair], name: str) -> None:
    """Except what the connection manager adds after the filters."""
    pair = pairs[name]
    received = pair.envoy.received
    if pair.here.response is None:
        assert received.ending is not Ending.ANSWERED
        return
    got = received.message
    assert got is not None
    assert got.status == pair.here.status
    assert got.body == pair.here.response.body.data
    added = only_in_envoy(pair.here.response.headers)
    assert _without(got.headers, *added) == list(pair.here.response.headers)


def only_in_envoy(headers: Headers) -> list[str]:
    """What Envoy's connection manager and codec add where the response does not have it."""
    names = ("date", "connection", "content-length", "transfer-encoding")
    return [name for name in names if name not in headers]


def _without(fields: Headers, *names: str) -> list[tuple[str, str]]:
    return [field for field in fields if field[0].lower() not in names]


def test_the_probe_reaches_every_callback(pairs: dict[str, Pair]) -> None:
    pair = pairs["everything"]
    lines = [*pair.here_start, *(log.message for log in pair.here.logs)]
    reached = {match.group(1) for line in lines if (match := re.match(r"(proxy_on_\w+) \(", line))}
    assert reached == set(CALLBACKS) - {"proxy_on_request_trailers", "proxy_on_response_trailers"}
