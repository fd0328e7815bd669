"""A real Envoy with wasm network filters in front of a TCP proxy, and the two ends of a connection.

A listener per filter, as in ``plain_envoy``; what the ends do and when is the test's to say.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.wasm_filters import plain_envoy
from tests.wasm_filters.plain_envoy import PATIENCE, TYPE, envoy_binary


@dataclass(frozen=True)
class NetworkFilter:
    """A module, its configuration, and what its plugin and its listener are given besides."""

    code: bytes
    configuration: str = ""
    plugin: Mapping[str, Any] = field(default_factory=dict)
    listener: Mapping[str, Any] = field(default_factory=dict)


class End:
    """One end of a connection: the client's, or the upstream's."""

    def __init__(self, held: socket.socket) -> None:
        held.settimeout(PATIENCE)
        held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = held

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, size: int) -> bytes:
        """``size`` bytes, fewer if the other side closes before."""
        data = b""
        while len(data) < size and (part := self.socket.recv(size - len(data))):
            data += part
        return data

    def ended(self) -> str:
        """How the other side ended: ``closed``, ``reset``, or ``open`` if it has not."""
        try:
            return "closed" if self.socket.recv(1) == b"" else "data"
        except ConnectionResetError:
            return "reset"
        except TimeoutError:
            return "open"

    def finish(self) -> None:
        """Send no more; what comes is still received."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@dataclass
class TcpEnvoy:
    """``lines`` of the log are complete once the ``with`` block has ended."""

    upstream: socket.socket
    ports: dict[str, int]
    lines: list[str]

    def logs(self, name: str) -> list[str]:
        """What one filter logged for its connections."""
        return plain_envoy.logged(self.lines, name)

    def connect(self, name: str) -> End:
        return End(socket.create_connection(("127.0.0.1", self.ports[name]), PATIENCE))

    def accept(self) -> End:
        """The connection that Envoy made to the upstream."""
        return End(self.upstream.accept()[0])

    @contextlib.contextmanager
    def connected(self, name: str) -> Iterator[tuple[End, End]]:
        """A connection through the filter ``name``: the client's end and the upstream's."""
        client = self.connect(name)
        with contextlib.closing(client), contextlib.closing(self.accept()) as upstream:
            yield client, upstream

    def stats(self, prefix: str) -> dict[str, int]:
        """Counters and gauges by name, those that start with ``prefix``."""
        found = plain_envoy.ask_admin(self.lines, f"/stats?format=json&filter=^{prefix}")["stats"]
        return {stat["name"]: int(stat["value"]) for stat in found if "value" in stat}


@contextlib.contextmanager
def envoy_before_tcp(folder: Path, filters: Mapping[str, NetworkFilter]) -> Iterator[TcpEnvoy]:
    """One listener for each of ``filters``, all in front of one upstream."""
    binary = envoy_binary()
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(PATIENCE)
        listeners = [_listener(folder, name, wasm) for name, wasm in filters.items()]
        port = int(upstream.getsockname()[1])
        with plain_envoy.running(binary, folder, port, listeners) as log:
            yield TcpEnvoy(upstream, plain_envoy.ports(log), log)


def _listener(folder: Path, name: str, wasm: NetworkFilter) -> dict[str, Any]:
    plugin = plain_envoy.plugin(folder, name, wasm.code, wasm.configuration)
    chain = [
        _network_filter("wasm.v3.Wasm", config={**plugin, **wasm.plugin}),
        _network_filter("tcp_proxy.v3.TcpProxy", stat_prefix="tcp", cluster="up"),
    ]
    return {**plain_envoy.listener(name, chain), **wasm.listener}


def _network_filter(kind: str, **config: Any) -> dict[str, Any]:
    named = f"{TYPE}envoy.extensions.filters.network.{kind}"
    return {"name": kind, "typed_config": {"@type": named, **config}}
