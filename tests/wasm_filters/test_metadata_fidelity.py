"""METADATA frames of HTTP/2: when filters hear of them, here and in Envoy."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hpack
import pytest

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters import plain_envoy
from tests.wasm_filters.probe import CALLBACKS, Call, Out, Probe
from wasm_filters.config import PluginConfig
from wasm_filters.http.chain import HttpChain
from wasm_filters.http.codec import Metadata
from wasm_filters.module import Module
from wasm_filters.worker import Worker

HEADERS, DATA, SETTINGS, METADATA = 1, 0, 4, 0x4D
END_STREAM, END = 1, 4
ALLOW_METADATA = (0x4D44).to_bytes(2, "big") + (1).to_bytes(4, "big")
IN_METADATA = "proxy_on_request_metadata"
SHAPES = {**CALLBACKS, IN_METADATA: (2, True)}
LOOKS = {IN_METADATA: [Call("proxy_get_header_map_pairs", [0, Out.TEXT], "pairs")]}
ENTRIES = {"m1": "v1", "m2": "v2"}
CHAINS: dict[str, list[Probe]] = {
    "two": [Probe(LOOKS, {}, SHAPES), Probe({}, {}, SHAPES)],
    "answers_are_ignored": [Probe(LOOKS, {IN_METADATA: 1}, SHAPES), Probe({}, {}, SHAPES)],
    "paused": [Probe({}, {"proxy_on_request_headers": 1}, SHAPES)],
}


def codes(name: str) -> list[bytes]:
    found = []
    for at, probe in enumerate(CHAINS[name]):
        probe.extra = f'(func (export "{name}_{at}"))'
        found.append(probe.code())
    return found


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def listener(folder: Path, name: str) -> dict[str, Any]:
    filters = "envoy.extensions.filters."
    http = [
        {
            "name": "wasm",
            "typed_config": {
                "@type": f"{plain_envoy.TYPE}{filters}http.wasm.v3.Wasm",
                "config": plain_envoy.plugin(folder, f"{name}-{at}", code, ""),
            },
        }
        for at, code in enumerate(codes(name))
    ]
    router = {"@type": f"{plain_envoy.TYPE}{filters}http.router.v3.Router"}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "up"}}
    manager = {
        "@type": f"{plain_envoy.TYPE}{filters}network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": "in",
        "codec_type": "HTTP2",
        "http2_protocol_options": {"allow_metadata": True},
        "generate_request_id": False,
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]},
        "http_filters": [*http, {"name": "router", "typed_config": router}],
    }
    return plain_envoy.listener(name, [{"name": "http", "typed_config": manager}])


@contextlib.contextmanager
def silent_upstream() -> Iterator[int]:
    """It reads and never answers, so that only the request is heard of."""
    held = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(server.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    for each in held:
        each.close()


def send(port: int, log: list[str], name: str, expected: int) -> None:
    """Headers, two METADATA frames, and a piece of a body that does not end."""
    fields = [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "t")]
    entries = hpack.Encoder().encode(list(ENTRIES.items()))
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, ALLOW_METADATA))
        client.sendall(frame(HEADERS, END, 1, hpack.Encoder().encode(fields)))
        client.sendall(frame(METADATA, END, 1, entries) * 2 + frame(DATA, 0, 1, b"abc"))
        until = time.monotonic() + 2
        while len(logged(log, name)) < expected and time.monotonic() < until:
            time.sleep(0.002)


def logged(log: list[str], name: str) -> list[str]:
    names = [f" {name}-{at}: " for at in range(len(CHAINS[name]))]
    lines = (line.partition("wasm log")[2] for line in log)
    return [line.partition(": ")[2] for line in lines if line.startswith(tuple(names))]


def here(name: str) -> list[str]:
    worker = Worker()
    plugins = [
        worker.plugin(Module.of(code), PluginConfig(f"{name}-{at}"))
        for at, code in enumerate(codes(name))
    ]
    worker.journal.logs.clear()
    request = Request(
        "POST", "/", "t", headers=Headers.of({"x-forwarded-proto": "http"}), body=Body(b"abc")
    )
    HttpChain(worker, plugins).send(request, metadata=Metadata([ENTRIES, ENTRIES]))
    lines = [log.message for log in worker.journal.logs]
    end = next((i for i, line in enumerate(lines) if "body (0 1" in line), len(lines))
    return lines[:end]  # over HTTP/2 the end is not told apart, and it is not sent there


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("envoy")
    binary = plain_envoy.envoy_binary()
    listeners = [listener(folder, name) for name in CHAINS]
    found = {}
    with (
        silent_upstream() as upstream,
        plain_envoy.running(binary, folder, upstream, listeners) as log,
    ):
        ports = plain_envoy.ports(log)
        for name in CHAINS:
            expected = here(name)
            send(ports[name], log, name, len(expected))
            found[name] = logged(log, name)[: len(expected)]
    return found


@pytest.mark.parametrize("name", CHAINS)
def test_filters_hear_of_metadata_here_as_in_envoy(there: dict[str, list[str]], name: str) -> None:
    assert here(name) == there[name]


def test_metadata_waits_while_the_headers_do() -> None:
    """The response's, too; it comes when the filter lets the headers go."""
    shapes = {**CALLBACKS, "proxy_on_response_metadata": (2, True)}
    probe = Probe({}, {"proxy_on_response_headers": 1}, shapes)
    worker = Worker()
    plugin = worker.plugin(Module.of(probe.code()))
    exchange = HttpChain(worker, [plugin]).send(
        Request(),
        lambda request: Response(body=Body(b"abc")),
        metadata=Metadata(response=[ENTRIES, {"m": "v"}]),
    )
    said = [log.message for log in worker.journal.logs]
    assert not any("metadata" in line for line in said)
    worker.journal.logs.clear()
    exchange.response.resume(exchange.response.stages[0])
    said = [log.message for log in worker.journal.logs]
    assert said[:2] == ["proxy_on_response_metadata (2 ", "proxy_on_response_metadata (1 "]
