"""A plain Envoy with wasm HTTP filters, for tests that bring their own configuration and bytes.

A listener per filter, one upstream that gives the same bytes to every request, and clients that
send theirs as they are, several over one connection, with TLS or without.
"""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mesh_traffic import Request, Response
from tests.wasm_filters import plain_envoy
from tests.wasm_filters.plain_envoy import PATIENCE, TYPE, Adapt, envoy_binary

CHUNKED = ("transfer-encoding", "chunked")
_MANAGER = (
    TYPE + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
)
_LENGTH = re.compile(rb"content-length: (\d+)")


class _Upstream(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, response: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.response = response


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Upstream)
        with contextlib.suppress(ConnectionError):  # Envoy resets a request that a filter ends
            while whole(self.request):
                self.request.sendall(self.server.response)


def whole(held: socket.socket) -> bytes:
    """The next message, head and body; nothing if there is no more."""
    data = b""
    while not _is_whole(data):
        part = held.recv(65536)
        if not part:
            return b""
        data += part
    return data


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head:
        return b"\r\n0\r\n" in data and data.endswith(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(end) and len(body) >= (int(length.group(1)) if length else 0)


@dataclass
class HttpEnvoy:
    """``lines`` of the log are complete once the ``with`` block has ended."""

    ports: dict[str, int]
    lines: list[str]

    def logs(self, name: str) -> list[str]:
        """What one filter logged in its requests; ``""`` for all root contexts, in order."""
        return plain_envoy.logged(self.lines, name)

    def send(
        self, name: str, request: bytes, times: int = 1, tls: ssl.SSLContext | None = None
    ) -> None:
        """Through the filter ``name``, one request after another over one connection."""
        held = socket.create_connection(("127.0.0.1", self.ports[name]), PATIENCE)
        if tls is not None:
            held = tls.wrap_socket(held, server_hostname="server.test")
        with held:
            for _ in range(times):
                held.sendall(request)
                assert whole(held), f"{name}: no response"


@contextlib.contextmanager
def envoy_with_filters(
    folder: Path,
    filters: Mapping[str, bytes],
    response: bytes,
    adapt: Adapt = lambda bootstrap: None,
) -> Iterator[HttpEnvoy]:
    """One listener for each of ``filters``, with HTTP/1.1 trailers both ways."""

    def prepare(bootstrap: dict[str, Any]) -> None:
        adapt(bootstrap)
        for cluster in bootstrap["static_resources"]["clusters"]:
            cluster["typed_extension_protocol_options"] = _OPTIONS

    binary = envoy_binary()
    with _Upstream(response) as upstream:
        thread = threading.Thread(target=upstream.serve_forever, daemon=True)
        thread.start()
        listeners = [_listener(folder, name, code) for name, code in filters.items()]
        port = int(upstream.server_address[1])
        try:
            with plain_envoy.running(binary, folder, port, listeners, prepare, "info") as log:
                yield HttpEnvoy(plain_envoy.ports(log), log)
        finally:
            upstream.shutdown()
            thread.join()


_TRAILERS = {"http_protocol_options": {"enable_trailers": True}}
_KIND = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_OPTIONS = {_KIND: {"@type": TYPE + _KIND, "explicit_http_config": _TRAILERS}}


def _listener(folder: Path, name: str, code: bytes) -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": "up"}}
    manager = {
        "@type": _MANAGER,
        "stat_prefix": "in",
        "generate_request_id": False,  # what Envoy adds by itself is not what is compared
        "server_header_transformation": "PASS_THROUGH",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            _http_filter("wasm.v3.Wasm", config=plain_envoy.plugin(folder, name, code, "")),
            _http_filter("router.v3.Router", suppress_envoy_headers=True),
        ],
        **_TRAILERS,
    }
    return plain_envoy.listener(name, [{"name": "hcm", "typed_config": manager}])


def _http_filter(kind: str, **config: Any) -> dict[str, Any]:
    named = f"{TYPE}envoy.extensions.filters.http.{kind}"
    return {"name": kind, "typed_config": {"@type": named, **config}}


def listeners(bootstrap: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All listeners by name."""
    return {each["name"]: each for each in bootstrap["static_resources"]["listeners"]}


def virtual_host(bootstrap: dict[str, Any], name: str) -> dict[str, Any]:
    """The one of the listener ``name``."""
    chain = listeners(bootstrap)[name]["filter_chains"][0]
    (host,) = chain["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    assert isinstance(host, dict)
    return host


def request_bytes(request: Request) -> bytes:
    """HTTP/1.1, chunked if there are trailers; without what Envoy adds itself."""
    head = f"{request.method} {request.path} HTTP/1.1\r\nhost: {request.authority}\r\n"
    fields = [field for field in request.headers if field[0] != "x-forwarded-proto"]
    if request.trailers:
        fields.append(CHUNKED)
    return _message(head, fields, request.body.data, list(request.trailers))


def response_bytes(response: Response) -> bytes:
    head = f"HTTP/1.1 {response.status} OK\r\n"
    return _message(head, list(response.headers), response.body.data, list(response.trailers))


def _message(
    head: str, fields: Sequence[tuple[str, str]], body: bytes, trailers: Sequence[tuple[str, str]]
) -> bytes:
    head += "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    if CHUNKED not in fields:
        return head.encode() + body
    last = "".join(f"{name}: {value}\r\n" for name, value in trailers)
    return head.encode() + b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, last.encode())
