"""Histories for tests: real modules, run for real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from debugger.stepping.guest.places import Places
from debugger.stepping.run.history import History, watch
from debugger.stepping.run.stop import Kind, Stop
from debugger.stepping.session import Session
from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.config import PluginConfig
from wasm_filters.errors import WasmError
from wasm_filters.module import Module
from wasm_filters.recording.recorder import Recorder
from wasm_filters.recording.recording import Recording

DATA = Path(__file__).with_name("data") / "lines"
LINES = (DATA / "dwarf4.wasm").read_bytes()
LINES_5 = (DATA / "dwarf5.wasm").read_bytes()
ASKED = Request("POST", "/x", "here", "http", Headers.of({"x-a": "1"}), Body(b"hello"))


@cache
def module(code: bytes, name: str) -> Module:
    """Compiled once: that takes a process of its own."""
    return Module.of(code, name)


def recorded(
    *codes: bytes, request: Request = ASKED, times: int = 1, response: Response | None = None
) -> tuple[Recording, list[Module]]:
    """A recording of requests through a chain of filters."""
    modules = [module(code, f"m{at}") for at, code in enumerate(codes)]
    plugins = [(one, Path(f"{one.name}.wasm"), PluginConfig(one.name)) for one in modules]
    recorder = Recorder(plugins, clock=0)
    try:
        recorder.start()
        for _ in range(times):
            recorder.handle(request, lambda asked: response or Response(200))
    except WasmError:
        assert recorder.recording.steps[0].events
    return recorder.recording, modules


def history(*codes: bytes, request: Request = ASKED, times: int = 1) -> History:
    return watch(*recorded(*codes, request=request, times=times))


def session(code: bytes, headers: Mapping[str, str] | None = None) -> Session:
    """A session on one request through one filter, with the lines of its source."""
    return Session(*_with_places(code, tuple((headers or {}).items())))


@cache
def _with_places(code: bytes, headers: tuple[tuple[str, str], ...]) -> tuple[History, Places]:
    """Lines are read by a process of its own, which takes half a second: once for each run."""
    request = Request("GET", "/", "here", "http", Headers.of(dict(headers)))
    found = history(code, request=request)
    return found, Places.of(found, {sha256(code).hexdigest(): code})


def hostcalls(found: History) -> list[Stop]:
    return [stop for stop in found.stops if stop.kind is Kind.HOSTCALL]


@cache
def busy() -> bytes:
    """A filter that changes something of every kind, in several callbacks."""
    return Script(
        {
            "proxy_on_configure": [
                Call("proxy_define_metric", [0, b"hits", Out.NUMBER]),
                Call("proxy_define_metric", [1, b"level", Out.NUMBER]),
                Call("proxy_define_metric", [2, b"sizes", Out.NUMBER]),
            ],
            "proxy_on_request_headers": [
                Call("proxy_add_header_map_value", [0, b"x-b", b"2"]),
                Call("proxy_replace_header_map_value", [0, b"x-a", b"one"]),
                Call("proxy_remove_header_map_value", [0, b"x-b"]),
                Call("proxy_set_property", [b"mine", b"kept"]),
                Call("proxy_get_property", [b"request\0path", Out.TEXT]),
                Call("proxy_set_shared_data", [b"key", b"value", 0]),
                Call("proxy_increment_metric", [4, 3]),
                Call("proxy_record_metric", [5, 7]),
                Call("proxy_record_metric", [6, 9]),
                Call("proxy_log", [2, b"said"]),
            ],
            "proxy_on_request_body": [Call("proxy_set_buffer_bytes", [0, 0, 0, b"ha-"])],
            "proxy_on_response_headers": [
                Call("proxy_add_header_map_value", [2, b"x-seen", b"yes"])
            ],
        }
    ).code()


def names(stops: Sequence[Stop]) -> list[str]:
    return [stop.event.name for stop in stops]
