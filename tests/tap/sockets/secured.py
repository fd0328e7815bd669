"""A real Envoy with TLS and taps in its transport sockets, and clients that speak plain bytes."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mesh_traffic import Exchange
from tap.live.hub import Hub
from tap.live.viewer import Viewer
from tap.sources.access_log import access_logs
from tap.topology import Listener, Topology
from tests.tap.conftest import HTTP, HTTP2, Envoy, cluster, free_port, listener
from tests.tap.watched import attached, shown

SOCKETS = "type.googleapis.com/envoy.extensions.transport_sockets"
PROXY = "envoy.filters.network.tcp_proxy"
BUFFER = {  # the upstream does not read chunked bodies; this makes them such of known length
    "name": "envoy.filters.http.buffer",
    "typed_config": {"@type": f"{HTTP}.buffer.v3.Buffer", "max_request_bytes": 4 << 20},
}


def certificate() -> tuple[str, str]:
    """A chain and its key, as PEM, of somebody who vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = (
        made.not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signed.public_bytes(pem).decode(), private.decode()


def free_ports(count: int, taken: Collection[int] = ()) -> list[int]:
    """Different ones: the system may say the same one twice."""
    found: dict[int, None] = {}
    while len(found) < count:
        if (port := free_port()) not in taken:
            found[port] = None
    return list(found)


def tapped(inner: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """A transport socket with a tap around it; ``common`` says who is told."""
    config = {
        "@type": f"{SOCKETS}.tap.v3.Tap",
        "common_config": common,
        "transport_socket": inner,
        "socket_tap_config": {"set_connection_per_event": True},
    }
    return {"name": "envoy.transport_sockets.tap", "typed_config": config}


def tls(side: str, **common: Any) -> dict[str, Any]:
    config = {"@type": f"{SOCKETS}.tls.v3.{side}TlsContext", "common_tls_context": common}
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


class Secured(Envoy):
    """``front`` is HTTP behind TLS, and reaches the upstream over TLS by ``hop``; ``raw`` is TCP
    behind TLS to an echo, ``rpc`` is HTTP/2 all the way."""

    def __init__(self, envoy: Envoy, folder: Path, echo: int, rpc: int = 0, **told: Any) -> None:
        super().__init__(envoy.binary, folder, envoy.upstream)
        self.front, self.hop, self.raw, self.rpc = free_ports(
            4, {self.outbound, self.inbound, self.admin}
        )
        self.chain, key = certificate()
        common = told or {"admin_config": {"config_id": "meshloom"}}
        shown_to_clients = [
            {
                "certificate_chain": {"inline_string": self.chain},
                "private_key": {"inline_string": key},
            }
        ]
        down = tls(
            "Downstream", alpn_protocols=["h2", "http/1.1"], tls_certificates=shown_to_clients
        )
        file = folder / "envoy.json"
        config = json.loads(file.read_text())
        resources = config["static_resources"]
        listeners = [
            self._listener("front", self.front, "hop"),
            self._listener("hop", self.hop, "upstream"),
            self._listener("rpc", self.rpc, "rpc"),
            self._proxy(),
        ]
        for one in listeners:
            one["filter_chains"][0]["transport_socket"] = tapped(down, common)
        resources["listeners"] += listeners
        up = tapped(tls("Upstream"), common)
        http2 = {"typed_extension_protocol_options": HTTP2}
        resources["clusters"] += [
            cluster("hop", self.hop, transport_socket=up),
            cluster("echo", echo),
            cluster("rpc", rpc, **http2),
        ]
        file.write_text(json.dumps(config))

    def _listener(self, name: str, port: int, to: str) -> dict[str, Any]:
        made = json.loads(json.dumps(listener(name, port)))
        (manager,) = made["filter_chains"][0]["filters"]
        routes = [{"match": {"prefix": "/"}, "route": {"cluster": to}}]
        hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
        manager["typed_config"]["route_config"] = {"virtual_hosts": hosts}
        if name == "front":
            manager["typed_config"]["http_filters"].insert(0, BUFFER)
        return made

    def _proxy(self) -> dict[str, Any]:
        made = json.loads(json.dumps(listener("raw", self.raw)))
        config = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "raw",
            "cluster": "echo",
        }
        made["filter_chains"][0]["filters"] = [{"name": PROXY, "typed_config": config}]
        return made

    @property
    def topology(self) -> Topology:
        ports = {"front": self.front, "hop": self.hop, "raw": self.raw, "rpc": self.rpc}
        owners = {
            f"127.0.0.1:{port}": Listener("productpage", "inbound", name)
            for name, port in ports.items()
        }
        return Topology(owners)

    def connect(self, port: int, *protocols: str) -> ssl.SSLSocket:
        context = ssl.create_default_context(cadata=self.chain)
        if protocols:
            context.set_alpn_protocols(protocols)
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        return context.wrap_socket(plain, server_hostname="localhost")


@contextmanager
def echo() -> Iterator[int]:
    """A TCP server that says ``echo:`` and what it heard; its port."""

    def serve(server: socket.socket) -> None:
        with suppress(OSError):  # the end of the test
            while True:
                peer, _ = server.accept()
                threading.Thread(target=answer, args=(peer,), daemon=True).start()

    def answer(peer: socket.socket) -> None:
        with suppress(OSError), peer:
            while data := peer.recv(1 << 16):
                peer.sendall(b"echo:" + data)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def said(talking: ssl.SSLSocket, data: bytes, until: bytes) -> bytes:
    """Send, and read until these bytes have come."""
    talking.sendall(data)
    got = b""
    while until not in got:
        more = talking.recv(1 << 16)
        assert more, f"closed after {got!r}"
        got += more
    return got


@asynccontextmanager
async def watched(envoy: Secured, **more: Any) -> AsyncIterator[tuple[Hub, Viewer]]:
    """A hub that taps the sockets of this Envoy, and has its access log."""
    hub = Hub([envoy.target], envoy.topology, logged=True, sockets=True, **more)
    async with hub.running(), access_logs(envoy.captures, hub.open_log):
        with hub.watch() as viewer:
            await attached(viewer)
            yield hub, viewer


async def several(viewer: Viewer, count: int) -> list[Exchange]:
    return [await shown(viewer) for _ in range(count)]
