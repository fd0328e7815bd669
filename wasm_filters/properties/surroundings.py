"""What the host says about itself: connection, route, cluster, endpoint, node, metadata.

The defaults are what a plain Envoy on loopback gives: HTTP/1.1 without TLS, one route to one
cluster with one endpoint, no metadata. Everything can be told otherwise, by name, or by an
attribute's dotted path.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wasm_filters.properties.names import Resolved
from wasm_filters.properties.values import Value, of_user

Content = Mapping[str, Any]
_NODE: Content = {
    "user_agent_name": "envoy",
    "user_agent_build_version": {
        "version": {"major_number": 1, "minor_number": 40, "patch": 0},
        "metadata": {"ssl.version": "BoringSSL", "build.type": "RELEASE"},
    },
}
_MESSAGES = (
    "node",
    "metadata",
    "cluster_metadata",
    "route_metadata",
    "virtual_host_metadata",
    "listener_metadata",
    "endpoint_metadata",
    "endpoint_locality_metadata",
    "upstream_locality",
)


class SurroundingsError(ValueError):
    """Something was given that the host can not be."""


@dataclass(frozen=True, slots=True)
class Tls:
    """One side's TLS connection, its texts as Envoy's attributes have them. A SAN, a digest or a
    certificate that is "" is not there. ``mutual``: the peer showed a certificate."""

    version: str = "TLSv1.3"
    mutual: bool = False
    subject_local_certificate: str = ""
    subject_peer_certificate: str = ""
    uri_san_local_certificate: str = ""
    uri_san_peer_certificate: str = ""
    dns_san_local_certificate: str = ""
    dns_san_peer_certificate: str = ""
    sha256_peer_certificate_digest: str = ""
    peer_certificate: str = ""


@dataclass(frozen=True)
class Surroundings:
    """Addresses are ``IP:PORT``. ``route_name`` None: no route matches, and so no cluster,
    and the router answers 404.

    ``node`` and the metadata are Envoy's messages in its own field names: node
    ``{"id": "n", "metadata": {"APP": "a"}}``, any metadata
    ``{"filter_metadata": {"namespace": {"key": "value"}}}`` (``metadata`` is the request's dynamic
    metadata). ``properties`` answer first, by their dotted path (``"xds.node.id"``), with a text, a
    number, a bool, bytes, a map or a list; ``values.Uint``, ``Duration`` and ``Timestamp`` where
    the type matters. ``names`` are what ``envoy_resolve_dns`` finds.

    SurroundingsError: something that it can not be.
    """

    protocol: str = "HTTP/1.1"
    connection_id: int = 1
    source: str = "127.0.0.1:40000"
    destination: str = "127.0.0.1:10000"
    requested_server_name: str = ""
    tls: Tls | None = None
    upstream: str = "127.0.0.1:8080"
    upstream_local: str = "127.0.0.1:50000"
    upstream_tls: Tls | None = None
    upstream_locality: Content = field(default_factory=dict)
    endpoints: int = 1
    cluster_name: str = "cluster"
    route_name: str | None = ""
    virtual_host_name: str = "all"
    filter_chain_name: str = ""
    listener_direction: int = 0  # 0 unspecified, 1 inbound, 2 outbound
    node: Content = field(default_factory=dict)
    metadata: Content = field(default_factory=dict)
    cluster_metadata: Content = field(default_factory=dict)
    route_metadata: Content = field(default_factory=dict)
    virtual_host_metadata: Content = field(default_factory=dict)
    listener_metadata: Content = field(default_factory=dict)
    endpoint_metadata: Content | None = None
    endpoint_locality_metadata: Content | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    names: Mapping[str, Resolved] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("source", "destination", "upstream", "upstream_local"):
            _check_address(name, getattr(self, name))
        _ = self.overrides
        for name in _MESSAGES:
            if getattr(self, name):
                self.message(name)

    @functools.cached_property
    def overrides(self) -> dict[bytes, Value]:
        """``properties``, by dotted path."""
        made = {}
        for path, value in self.properties.items():
            try:
                made[path.encode()] = of_user(value)
            except ValueError as error:
                raise SurroundingsError(f"property {path}: {error}") from error
        return made

    @functools.cached_property
    def _messages(self) -> dict[str, Value]:
        return {}

    def having(self, properties: Mapping[str, object]) -> Surroundings:
        """The same, where ``properties`` answer before its own. SurroundingsError."""
        if not properties:
            return self
        return replace(self, properties={**self.properties, **properties})

    def message(self, name: str) -> Value:
        """The field ``name`` as a protobuf message, made once.

        SurroundingsError: its content does not fit the message.
        """
        made = self._messages.get(name)
        if made is None:
            made = self._messages[name] = self._build(name)
        return made

    def _build(self, name: str) -> Value:
        from wasm_filters.messages import CORE, MessageError, build  # protobuf takes 50 ms

        content = getattr(self, name)
        if name == "node":
            content = {**_NODE, **content}
        kind = {"node": "Node", "upstream_locality": "Locality"}.get(name, "Metadata")
        try:
            return build(f"{CORE}.{kind}", content)  # type: ignore[no-any-return] # protobuf is untyped
        except MessageError as error:
            raise SurroundingsError(f"{name}: {error}") from error


def _check_address(name: str, address: str) -> None:
    ip, colon, number = address.rpartition(":")
    if not (ip and colon and number.isdecimal() and int(number) < 1 << 16):
        raise SurroundingsError(f"{name}: {address!r} is no address, expected IP:PORT")


def port(address: str) -> int:
    return int(address.rpartition(":")[2])


PLAIN = Surroundings()
