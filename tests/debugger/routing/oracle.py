"""A real Envoy that is asked which route a request takes: many route tables, one process.

Each table has a listener of its own, on a port that the kernel chooses. A route answers by itself,
or sends to a cluster without endpoints; either way Envoy's answer has a header with the place of
the route that made it, and what the request looked like to it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mesh_traffic import Request
from mini_mesh.envoy_binary import EnvoyBinary
from xds_server.mirror import render, serialize, type_url_of
from xds_server.protos import route

PATIENCE = 30.0  # seconds
CLUSTERS = ("red", "green", "blue")
HTTP = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
MANAGER = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
    "HttpConnectionManager"
)


@dataclass(frozen=True)
class Table:
    """A route table, and what its connection manager is told besides, as JSON."""

    config: route.RouteConfiguration
    manager: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What Envoy said. ``headers`` have names in lower case; ``route`` is ``None`` where no route
    has answered, else such as ``virtual_hosts[0].routes[1]``.
    """

    status: int
    headers: Mapping[str, str]

    @property
    def route(self) -> str | None:
        return self.headers.get("x-route")

    @property
    def cluster(self) -> str | None:
        return self.headers.get("x-cluster")


def marked(config: route.RouteConfiguration) -> dict[str, Any]:
    """The table as JSON, each route of which adds a header with its place to the answer."""
    told = render(type_url_of(route.RouteConfiguration), serialize(config))
    told["validate_clusters"] = False
    seen = {
        "x-path": "%REQ(:PATH)%",
        "x-host": "%REQ(:AUTHORITY)%",
        "x-cluster": "%UPSTREAM_CLUSTER%",
    }
    for h, host in enumerate(told.get("virtual_hosts", ())):
        for r, each in enumerate(host.get("routes", ())):
            here = {"x-route": f"virtual_hosts[{h}].routes[{r}]", **seen}
            each["response_headers_to_add"] = [
                {"header": {"key": key, "value": value}} for key, value in here.items()
            ]
    return told


def bootstrap(tables: Sequence[Table]) -> dict[str, Any]:
    listeners = [_listener(i, table) for i, table in enumerate(tables)]
    empty = [{"name": name, "connect_timeout": "1s"} for name in CLUSTERS]
    return {
        "admin": {"address": _address()},
        "static_resources": {"listeners": listeners, "clusters": empty},
    }


def _address() -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": 0}}


def _listener(index: int, table: Table) -> dict[str, Any]:
    manager = {
        "@type": MANAGER,
        "stat_prefix": "oracle",
        "route_config": marked(table.config),
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": HTTP}}],
        **table.manager,
    }
    chain = {"filters": [{"name": "hcm", "typed_config": manager}]}
    return {"name": f"table-{index}", "address": _address(), "filter_chains": [chain]}


class Oracle:
    """A running Envoy; :meth:`ask` sends one request to one table."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = ports
        self._connections: dict[int, socket.socket] = {}

    def ask(self, table: int, request: Request) -> Answer:
        return self.send(table, wire(request))

    def send(self, table: int, wire: bytes) -> Answer:
        """The answer to these bytes; once more on a new connection if Envoy had closed the old."""
        known = table in self._connections
        try:
            return self._once(table, wire)
        except (ConnectionError, EOFError):
            self._drop(table)
            if not known:
                raise
            return self._once(table, wire)

    def _once(self, table: int, wire: bytes) -> Answer:
        connection = self._connections.get(table)
        if connection is None:
            connection = socket.create_connection(("127.0.0.1", self.ports[table]), PATIENCE)
            self._connections[table] = connection
        connection.sendall(wire)
        answer = _read(connection)
        if answer.headers.get("connection") == "close":
            self._drop(table)
        return answer

    def _drop(self, table: int) -> None:
        if connection := self._connections.pop(table, None):
            connection.close()

    def close(self) -> None:
        for table in list(self._connections):
            self._drop(table)


def wire(request: Request) -> bytes:
    """The request in HTTP/1.1, exactly as it is: nothing is added but its Host."""
    target = request.authority if request.method == "CONNECT" else request.path
    fields = "".join(f"{name}: {value}\r\n" for name, value in request.headers)
    text = f"{request.method} {target} HTTP/1.1\r\nhost: {request.authority}\r\n{fields}\r\n"
    return text.encode("utf-8", "surrogateescape")


def _read(connection: socket.socket) -> Answer:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    size = int(headers.get("content-length", 0))
    while len(body) < size:
        body += _more(connection)
    return Answer(int(first.split(" ", 2)[1]), headers)


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise EOFError("Envoy closed the connection")
    return data


@contextmanager
def oracle(binary: EnvoyBinary, folder: Path, tables: Sequence[Table]) -> Iterator[Oracle]:
    """An Envoy with these tables; what it refuses is an error with its words."""
    config, admin = folder / "oracle.json", folder / "admin"
    config.write_text(json.dumps(bootstrap(tables)))
    command = [
        str(binary.path), "-c", str(config), "--use-dynamic-base-id", "--concurrency", "1",
        "--admin-address-path", str(admin), "-l", "error",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said: list[str] = []
        reader = threading.Thread(target=said.extend, args=(process.stderr,))
        reader.start()
        try:
            found = Oracle(_ports(process, admin, len(tables), said))
            yield found
            found.close()
        finally:
            process.kill()
            process.wait(PATIENCE)
            reader.join()


def _ports(
    process: subprocess.Popen[str], admin: Path, wanted: int, said: Sequence[str]
) -> list[int]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            time.sleep(0.1)
            raise AssertionError(f"Envoy refused the tables: {''.join(said)[-1500:]}")
        if admin.is_file() and (address := admin.read_text().strip()):
            try:
                with urllib.request.urlopen(f"http://{address}/listeners?format=json") as answer:
                    told = json.load(answer).get("listener_statuses", [])
            except OSError:
                told = []
            if len(told) == wanted:
                ports = {
                    each["name"]: each["local_address"]["socket_address"]["port_value"]
                    for each in told
                }
                return [ports[f"table-{i}"] for i in range(wanted)]
        time.sleep(0.02)
    raise AssertionError(f"Envoy is not ready: {''.join(said)[-1500:]}")
