"""The oracle for gRPC callouts: the same calls to a real gRPC server, and to functions here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest

import mesh_traffic
from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.filter_rig.client import Ending
from mini_mesh.filter_rig.config import Layout, WasmFilter
from mini_mesh.filter_rig.log import logged
from mini_mesh.filter_rig.rig import Exchanged, RigError, open_rig
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.probe import CALLED_BACK, LAST_STREAM, Call, Out, Probe
from wasm_filters.config import PluginConfig
from wasm_filters.filter import Filter
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.services.grpc_calls import frame
from wasm_filters.services.upstream import NEVER, REFUSED, Upstream, no_endpoints
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


def _field(number: int, content: bytes) -> bytes:
    """Of a protobuf message; the tests' own, as the host's is what is tested."""
    return bytes([number << 3 | 2, len(content)]) + content


def _service(cluster: bytes, *metadata: tuple[bytes, bytes], timeout: int = 0) -> bytes:
    """A GrpcService of Envoy's own client; ``timeout`` in nanoseconds, less than 128 of them."""
    fields = [_field(1, _field(1, cluster))]
    fields += [_field(5, _field(1, name) + _field(2, value)) for name, value in metadata]
    return b"".join([*fields, _field(3, bytes([2 << 3, timeout]))])


def _google(target: bytes) -> bytes:
    return _field(2, _field(1, target) + _field(4, b"stats"))


SERVICE = _service(b"grpc")
TELLING = _service(
    b"grpc", (b"x-a", b"1"), (b"X-B", b"%PROTOCOL% %%"), (b"x-meta", b"2"), (b"x-a", b"3"),
    (b"x-empty", b""),
)  # fmt: skip
REFUSED_METADATA = [(b":path", b"/"), (b"Host", b"h"), (b"x-a", b"50%"), (b"x-a", b"%NOPE(")]


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
    "calls_to_no_cluster_take_no_number": Scenario(
        {IN_HEADERS: [calls(b"echo", to=b"unknown"), calls(b"echo")], RECEIVE: GO_ON}
    ),
    "a_call_where_no_endpoint_is": Scenario(
        {IN_HEADERS: [calls(b"echo", to=b"bare"), calls(b"echo", to=b"bare")], CLOSE: GO_ON}
    ),
    "a_stream_where_no_endpoint_is": Scenario(
        {IN_HEADERS: [opens(b"chat", to=b"bare"), sends(b"one", 1)], CLOSE: GO_ON}
    ),
    "a_call_to_a_service": Scenario({IN_HEADERS: [calls(b"echo", to=SERVICE)], RECEIVE: GO_ON}),
    "a_stream_to_a_service": Scenario(
        {IN_HEADERS: [opens(b"chat", to=SERVICE), sends(b"one", 1)], CLOSE: GO_ON}
    ),
    "metadata_of_a_service": Scenario(
        {IN_HEADERS: [calls(b"metadata", to=TELLING)], RECEIVE: GO_ON}
    ),
    "the_timeout_of_a_service_counts_for_nothing": Scenario(
        {IN_HEADERS: [calls(b"late", to=_service(b"grpc", timeout=1))], RECEIVE: GO_ON}
    ),
    "a_service_of_no_cluster": Scenario(
        {IN_HEADERS: [calls(b"echo", to=_service(b"unknown")), calls(b"echo")], RECEIVE: GO_ON}
    ),
    "a_stream_to_a_service_of_no_cluster": Scenario(
        {IN_HEADERS: [opens(b"chat", to=_service(b"unknown"))], CLOSE: GO_ON}
    ),
    "metadata_that_is_refused": Scenario(
        {
            IN_HEADERS: [
                *(calls(b"echo", to=_service(b"grpc", each)) for each in REFUSED_METADATA),
                calls(b"echo"),
            ],
            RECEIVE: GO_ON,
        }
    ),
    "a_name_that_is_not_text": Scenario(
        {IN_HEADERS: [calls(b"echo", to=b"\x0a\x06\x0a\x04gr\xffc")]}, waits=False
    ),
    "the_last_target_of_a_service_counts": Scenario(
        {IN_HEADERS: [calls(b"echo", to=_google(b"127.0.0.1:1") + SERVICE)], RECEIVE: GO_ON}
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
        if method in ("echo", "fail", "late", "metadata"):
            return grpc.unary_unary_rpc_method_handler(getattr(self, method))
        if method in ("chat", "quit"):
            return grpc.stream_stream_rpc_method_handler(getattr(self, method))
        return None

    async def echo(self, request: bytes, context: Any) -> bytes:
        return request[::-1]

    async def late(self, request: bytes, context: Any) -> bytes:
        await asyncio.sleep(0.05)
        return request

    async def metadata(self, request: bytes, context: Any) -> bytes:
        return _told(context.invocation_metadata())

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


def _told(metadata: Iterable[tuple[str, str]]) -> bytes:
    """What a service was told, but for what is Envoy's affair."""
    told = [f"{name}: {value}" for name, value in metadata if len(name) < len("user-agent")]
    return ", ".join(each for each in told if not each.startswith("te:")).encode()


GRPC = Headers.of({"content-type": "application/grpc"})


def ended(status: int, message: str = "", **more: str) -> Headers:
    said = {"grpc-message": message} if message else {}
    return Headers.of({"grpc-status": str(status), **said, **more})


def service(request: Request) -> Response:
    """The same server, as a function."""
    method = request.path.rpartition("/")[2]
    sent = request.body.data[5:]
    assert request.headers.get_all("x-meta")[-1] == "m"
    initial = GRPC.added("x-initial", "i")
    trailing = {"x-trailing": "t"}
    return {
        "echo": lambda: Response(200, GRPC, Body(frame(sent[::-1])), ended(0)),
        "late": lambda: Response(200, GRPC, Body(frame(sent)), ended(0)),
        "metadata": lambda: Response(200, GRPC, Body(frame(_told(request.headers))), ended(0)),
        "fail": lambda: Response(200, GRPC, trailers=ended(7, "not for you")),
        "missing": lambda: Response(200, GRPC, trailers=ended(12, "Method not found!")),
        "chat": lambda: Response(200, initial, Body(frame(sent[::-1])), ended(0, **trailing)),
        "quit": lambda: Response(
            200, initial, Body(frame(sent[::-1])), ended(15, "gone", **trailing)
        ),
    }[method]()


def here(name: str, scenario: Scenario) -> list[str]:
    worker = Worker(
        clusters={
            "grpc": service,
            "mute": lambda request: NEVER,
            "nobody": lambda request: REFUSED,
            "bare": no_endpoints,
        }
    )
    filter_ = Filter(Module.of(scenario.code(name)), PluginConfig(name), worker)
    worker.journal.logs.clear()
    outcome = filter_.handle(
        mesh_traffic.replace(GET, headers=Headers.of({"x-forwarded-proto": "http"}))
    )
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
                envoy, Layout(chains, refusing=["nobody"], grpc=ports, empty=["bare"]), folder
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


@pytest.mark.parametrize("name", [b"", b"xa", b"empty"])
def test_a_name_that_is_a_service_without_a_target_is_the_end_of_envoy(
    tmp_path: Path, name: bytes
) -> None:
    """Bytes that protobuf can read as fields that GrpcService has not got."""
    scenario = Scenario({IN_HEADERS: [calls(b"echo", to=name)]}, waits=False)
    worker = Worker(clusters={name.decode(): service})
    filter_ = Filter(Module.of(scenario.code("name")), PluginConfig("name"), worker)
    outcome = filter_.handle(GET)
    assert any("panic, unset oneof" in each for each in outcome.warnings)
    assert "request_headers call echo=10 0 " in [log.message for log in outcome.logs]
    layout = Layout({"name": [WasmFilter(scenario.code("name"), PluginConfig("name"))]})

    async def there() -> None:
        async with open_rig(needs_envoy(), layout, tmp_path) as rig:
            await rig.exchange("name", GET, patience=2)

    with pytest.raises(RigError, match="panic: unset oneof"):
        asyncio.run(there())


def test_a_service_of_grpcs_own_library_goes_to_who_answers_for_its_address(
    tmp_path: Path,
) -> None:
    """Envoy dials the address, and so the call is made whether it is known here or not."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and never listens
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        calling = [calls(b"echo", to=_google(address.encode()))]
        scenario = Scenario({IN_HEADERS: calling, RECEIVE: GO_ON, CLOSE: GO_ON})
        layout = Layout({"name": [WasmFilter(scenario.code("name"), PluginConfig("name"))]})

        async def there() -> list[str]:
            async with open_rig(needs_envoy(), layout, tmp_path) as rig:
                return messages("name", await rig.exchange("name", GET, patience=2))

        envoy = asyncio.run(there())
    unknown = _logged(scenario, {})
    for line in ("request_headers call echo=0 5 ", "proxy_on_grpc_close (5 13 "):
        assert line in envoy
        assert line in unknown
    assert "grpc_receive message=0 gnip" in _logged(scenario, {address: service})


def _logged(scenario: Scenario, clusters: dict[str, Upstream]) -> list[str]:
    worker = Worker(clusters=clusters)
    filter_ = Filter(Module.of(scenario.code("name")), PluginConfig("name"), worker)
    return [log.message for log in filter_.handle(GET, patience=1).logs]


def test_a_call_that_fails_at_once_and_then_an_answer_at_once_hang_envoys_worker(
    tmp_path: Path,
) -> None:
    """The end of the call is put off while a callback runs, and again, and again."""
    scenario = Scenario(
        {IN_HEADERS: [calls(b"echo", to=b"bare"), opens(b"chat", to=b"bare")]}, waits=False
    )
    told = _logged(scenario, {"bare": no_endpoints})
    assert "proxy_on_grpc_close (5 14 " in told
    assert "proxy_on_grpc_close (6 14 " in told
    layout = Layout({"name": [WasmFilter(scenario.code("name"), PluginConfig("name"))]})

    async def there() -> Exchanged:
        async with open_rig(needs_envoy(), replace(layout, empty=["bare"]), tmp_path) as rig:
            return await rig.exchange("name", GET, patience=0.5)

    exchanged = asyncio.run(there())
    assert exchanged.received.ending is Ending.NOTHING
    assert not exchanged.settled
