"""Filters that are recorded for a test: one that asks around, and its next build."""

from __future__ import annotations

from pathlib import Path

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.config import PluginConfig
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.recording.recorder import Recorder
from wasm_filters.services.upstream import Answer, Upstream

FIELDS = [(b":method", b"GET"), (b":path", b"/may"), (b":authority", b"auth")]
PLACE = Path("asks.wasm")
SECRET = "s3cr3t-t0ken"
REQUEST = Request(
    "POST",
    "/orders",
    "shop",
    headers=Headers.of({"authorization": f"Bearer {SECRET}", "x-a": "1"}),
    body=Body(b"0123456789"),
)


def asks(name: bytes = b"x-user", **calls: list[Call | str]) -> bytes:
    """A filter that reads the clock and random numbers, waits for a callout and counts."""
    call = Call("proxy_http_call", [b"auth", encode_pairs(FIELDS), b"", b"", 1000, Out.NUMBER])
    script = Script(
        {
            "proxy_on_configure": [
                Call("proxy_define_metric", [0, b"requests", Out.NUMBER]),
                Call("proxy_set_tick_period_milliseconds", [1000]),
                Call("proxy_register_shared_queue", [b"jobs", Out.NUMBER]),
            ],
            "proxy_on_tick": [Call("proxy_get_shared_data", [b"k", Out.TEXT, Out.NUMBER])],
            "proxy_on_queue_ready": [Call("proxy_dequeue_shared_queue", [1, Out.TEXT])],
            "proxy_on_request_headers": [
                Call("proxy_get_current_time_nanoseconds", [Out.LONG]),
                Call("random_get", [64, 8]),
                Call("proxy_get_header_map_value", [0, b"authorization", Out.TEXT]),
                call,
            ],
            "proxy_on_http_call_response": [
                Call("proxy_get_buffer_bytes", [4, 0, 99, Out.TEXT]),
                Call("proxy_set_effective_context", [2]),
                Call("proxy_add_header_map_value", [0, name, b"bob"]),
                Call("proxy_continue_stream", [0]),
            ],
            "proxy_on_response_headers": [
                Call("proxy_add_header_map_value", [2, b"set-cookie", b"id=made-by-filter"])
            ],
            "proxy_on_log": [
                Call("proxy_increment_metric", [4, 1]),
                Call("proxy_log", [2, b"that's it"]),
            ],
            **calls,
        },
        answers={"proxy_on_request_headers": 1},
    )
    return script.code()


def auth(request: Request) -> Answer:
    return Answer(Response(200, body=Body(b"yes")), after=0.25)


def upstream(request: Request) -> Response:
    seen = request.headers.get("authorization") or "nobody"
    return Response(200, Headers.of({"server": "up"}), Body(f"hello {seen}".encode()))


def recorder(code: bytes, clusters: dict[str, Upstream] | None = None) -> Recorder:
    plugins = [(Module.of(code, "asks.wasm"), PLACE, PluginConfig("asks"))]
    return Recorder(plugins, {"auth": auth} if clusters is None else clusters, seed=7)


def recorded(code: bytes) -> Recorder:
    """All that can come from outside, once."""
    made = recorder(code)
    made.start()
    made.handle(REQUEST, upstream, chunk_size=[3, 4])
    made.set_shared_data(b"k", b"v")
    made.enqueue(b"jobs", b"one")
    made.advance(2.5)
    return made
