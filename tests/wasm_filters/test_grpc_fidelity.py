"""The oracle for gRPC callouts: the same calls to a real gRPC server, and to functions here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import grpc
import pytest

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.filter_rig.config import Layout, WasmFilter
from mini_mesh.filter_rig.log import logged
from mini_mesh.filter_rig.rig import Exchanged, open_rig
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.probe import CALLED_BACK, LAST_STREAM, Call, Out, Probe
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.services.grpc_calls import frame
from wasm_filters.services.upstream import NEVER, REFUSED
from wasm_filters.worker import Worker

IN_HEADERS = "proxy_on_request_headers"
INITIAL, RECEIVE = "proxy_on_grpc_receive_initial_metadata", "proxy_on_grpc_receive"
TRAILING, CLOSE = "proxy_on_grpc_receive_trailing_metadata", "proxy_on_grpc_close"
FIRST_CALL, FIRST_STREAM = 5, 6  # their ids in a fresh VM
METADATA = encode_pairs([(b"x-meta", b"m")])
GET = Request("GET", "/", "test")


def calls(
    method: bytes, message: bytes = b"ping", timeout: int = 5000, to: bytes = b"grpc"
) -> Call:
    arguments = [to, b"svc", method, METADATA, message, timeout, Out.NUMBER]
    return Call("proxy_grpc_call", arguments, f"call {method.decode()}")


def opens(method: bytes, to: bytes = b"grpc") -> Call:
    arguments = [to, b"svc", method, METADATA, Out.NUMBER]
    return Call("proxy_grpc_stream", arguments, f"stream {method.decode()}")


def sends(message: bytes, ends: int, stream: int = FIRST_STREAM) -> Call:
    return Call("proxy_grpc_send", [stream, message, ends], f"send {stream}")


def cancels(call: int) -> Call:
    return Call("proxy_grpc_cancel", [call], f"cancel {call}")


def half_closes(call: int) -> Call:
    return Call("proxy_grpc_close", [call], f"close {call}")


GO_ON = [
    Call("proxy_set_effective_context", [LAST_STREAM], "effective"),
    Call("proxy_continue_stream", [0], "continue"),
]
THE_MESSAGE = [
    Call("proxy_get_buffer_bytes", [5, 0, 99, Out.TEXT], "message"),
    Call("proxy_get_buffer_status", [5, Out.NUMBER, 12], "size"),
]
THE_STATUS = [
    Call("proxy_get_status", [Out.NUMBER, 20, 24], "status"),
    Call("proxy_get_status", [12, Out.TEXT], "status message"),
]


def value(kind: int, name: bytes) -> Call:
    return Call("proxy_get_header_map_value", [kind, name, Out.TEXT], f"{name.decode()} in {kind}")


@dataclass(frozen=True)
class Scenario:
    calls: dict[str, list[Call]]
    waits: bool = True

    def code(self, name: str) -> bytes:
        listening = {
            INITIAL: [value(4, b"x-initial")],
            RECEIVE: THE_MESSAGE,
            TRAILING: [value(5, b"x-trailing"), value(5, b"grpc-status")],
            CLOSE: THE_STATUS,
        }
        made = {
            callback: [*listening.get(callback, ()), *self.calls.get(callback, ())]
            for callback in CALLED_BACK
        }
        answers = {IN_HEADERS: int(self.waits)}
        mark = f'(func (export "{name}"))'
        callbacks = {name: shape for name, shape in CALLED_BACK.items() if "metadata" not in name}
        return Probe(made, answers, {**callbacks, **_METADATA}, extra=mark).code()


_METADATA = {  # how many fields there are is the server's and Envoy's affair, and not shown
    name: shape for name, shape in CALLED_BACK.items() if "metadata" in name
}
SCENARIOS = {
    "a_call": Scenario({IN_HEADERS: [calls(b"echo")], RECEIVE: GO_ON}),
    "a_call_that_fails": Scenario({IN_HEADERS: [calls(b"fail")], CLOSE: GO_ON}),
    "a_call_to_no_method": Scenario({IN_HEADERS: [calls(b"missing")], CLOSE: GO_ON}),
    "a_call_that_takes_too_long": Scenario(
        {IN_HEADERS: [calls(b"never", timeout=50, to=b"mute")], CLOSE: GO_ON}
    ),
    "a_call_to_nobody": Scenario({IN_HEADERS: [calls(b"echo", to=b"nobody")], CLOSE: GO_ON}),
    "a_stream_to_nobody": Scenario(
        {IN_HEADERS: [opens(b"chat", to=b"nobody"), sends(b"x", 1)], CLOSE: GO_ON}
    ),
    "a_call_with_an_empty_message": Scenario(
        {IN_HEADERS: [calls(b"echo", b"")], RECEIVE: GO_ON, CLOSE: GO_ON}
    ),
    "no_cluster": Scenario(
        {IN_HEADERS: [calls(b"echo", to=b"unknown"), opens(b"chat", b"unknown")]}, waits=False
    ),
    "a_stream": Scenario(
        {IN_HEADERS: [opens(b"chat"), sends(b"one", 0), sends(b"two", 1)], CLOSE: GO_ON}
    ),
    "a_stream_that_fails": Scenario({IN_HEADERS: [opens(b"quit"), sends(b"one", 1)], CLOSE: GO_ON}),
    "unknown_ids": Scenario(
        {
            IN_HEADERS: [
                *(cancels(each) for each in (0, 4, 5, 6, 7)),
                *(half_closes(each) for each in (0, 4, 5, 6, 7)),
                *(sends(b"x", 0, each) for each in (0, 4, 5, 6, 7)),
            ]
        },
        waits=False,
    ),
    "a_cancelled_call": Scenario(
        {IN_HEADERS: [calls(b"echo"), cancels(FIRST_CALL), cancels(FIRST_CALL)]}, waits=False
    ),
    "a_closed_call": Scenario(
        {IN_HEADERS: [calls(b"echo"), half_closes(FIRST_CALL), half_closes(FIRST_CALL)]},
        waits=False,
    ),
    "a_cancelled_stream": Scenario(
        {IN_HEADERS: [opens(b"chat"), cancels(FIRST_STREAM), sends(b"late", 0)]}, waits=False
    ),
    "a_stream_closed_by_the_plugin": Scenario(
        {
            IN_HEADERS: [opens(b"chat"), sends(b"one", 0)],
            RECEIVE: [half_closes(FIRST_STREAM)],
            CLOSE: GO_ON,
        }
    ),
}


class Server(grpc.GenericRpcHandler):  # type: ignore[misc] # grpcio is untyped
    """echo and fail; and the streams chat and quit."""

    def service(self, details: Any) -> Any:
        method = details.method.rpartition("/")[2]
        if method in ("echo", "fail"):
            return grpc.unary_unary_rpc_method_handler(getattr(self, method))
        if method in ("chat", "quit"):
            return grpc.stream_stream_rpc_method_handler(getattr(self, method))
        return None

    async def echo(self, request: bytes, context: Any) -> bytes:
        return request[::-1]

    async def fail(self, request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for you")
        raise AssertionError

    async def chat(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        await context.send_initial_metadata((("x-initial", "i"),))
        async for request in requests:
            yield request[::-1]
        context.set_trailing_metadata((("x-trailing", "t"),))

    async def quit(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        await context.send_initial_metadata((("x-initial", "i"),))
        async for request in requests:
            yield request[::-1]
        await context.abort(grpc.StatusCode.DATA_LOSS, "gone", (("x-trailing", "t"),))


GRPC = Headers.of({"content-type": "application/grpc"})


def ended(status: int, message: str = "", **more: str) -> Headers:
    said = {"grpc-message": message} if message else {}
    return Headers.of({"grpc-status": str(status), **said, **more})


def service(request: Request) -> Response:
    """The same server, as a function."""
    method = request.path.rpartition("/")[2]
    sent = request.body.data[5:]
    assert request.headers.get("x-meta") == "m"
    initial = GRPC.added("x-initial", "i")
    trailing = {"x-trailing": "t"}
    return {
        "echo": lambda: Response(200, GRPC, Body(frame(sent[::-1])), ended(0)),
        "fail": lambda: Response(200, GRPC, trailers=ended(7, "not for you")),
        "missing": lambda: Response(200, GRPC, trailers=ended(12, "Method not found!")),
        "chat": lambda: Response(200, initial, Body(frame(sent[::-1])), ended(0, **trailing)),
        "quit": lambda: Response(
            200, initial, Body(frame(sent[::-1])), ended(15, "gone", **trailing)
        ),
    }[method]()


def here(name: str, scenario: Scenario) -> list[str]:
    worker = Worker(
        clusters={"grpc": service, "mute": lambda request: NEVER, "nobody": lambda request: REFUSED}
    )
    filter_ = Filter(Module.of(scenario.code(name)), PluginConfig(name), worker)
    worker.journal.logs.clear()
    outcome = filter_.handle(replace(GET, headers=Headers.of({"x-forwarded-proto": "http"})))
    worker.advance(1)
    return [log.message for log in (*outcome.logs, *worker.journal.logs)]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    envoy, folder = needs_envoy(), tmp_path_factory.mktemp("envoy")
    chains = {
        name: [WasmFilter(scenario.code(name), PluginConfig(name))]
        for name, scenario in SCENARIOS.items()
    }

    async def all_of_them() -> dict[str, list[str]]:
        mute = await asyncio.start_server(listen_only, "127.0.0.1", 0)
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((Server(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        found = {}
        ports = {"grpc": port, "mute": mute.sockets[0].getsockname()[1]}
        try:
            async with open_rig(
                envoy, Layout(chains, refusing=["nobody"], grpc=ports), folder
            ) as rig:
                for name in SCENARIOS:
                    found[name] = messages(name, await rig.exchange(name, GET, patience=2))
        finally:
            await server.stop(0)
            mute.close()
        return found

    return asyncio.run(all_of_them())


async def listen_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that never says a word: gRPC's own ends a call at its deadline by itself."""
    while await reader.read(1024):
        continue
    writer.close()


def messages(name: str, exchanged: Exchanged) -> list[str]:
    return [said.message for said in logged(exchanged.lines, [name])]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_grpc_callout_is_the_same_here_and_in_envoy(
    there: dict[str, list[str]], name: str
) -> None:
    assert without_counts(here(name, SCENARIOS[name])) == without_counts(there[name])


def without_counts(lines: list[str]) -> list[str]:
    """How many fields there are is the server's and Envoy's affair."""
    return [
        line.rpartition("metadata (")[0] + line.rpartition("(")[2].split(" ")[0]
        if "metadata (" in line
        else line
        for line in lines
        if not line.startswith("proxy_on_response_headers (")
    ]
