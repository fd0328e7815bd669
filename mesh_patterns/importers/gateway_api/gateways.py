"""Gateway: its listeners, and which routes each of them takes.

There is one ingress here, on a free port and in plain text, so of a listener's port nothing is left
but that it tells listeners apart.
https://gateway-api.sigs.k8s.io/reference/spec/#listener
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.gateway_api.world import Source
from mesh_patterns.importers.hostnames import ANY
from mesh_yaml.node import Node

Key = tuple[str, str]  # namespace and name
_KINDS = {
    "HTTP": frozenset({"HTTPRoute", "GRPCRoute"}),
    "HTTPS": frozenset({"HTTPRoute", "GRPCRoute"}),
    "TLS": frozenset({"TLSRoute", "TCPRoute"}),
    "TCP": frozenset({"TCPRoute"}),
    "UDP": frozenset({"UDPRoute"}),
}
_KNOWN = ("name", "hostname", "port", "protocol", "tls", "allowedRoutes")


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener of a gateway. ``namespaces`` are whose routes it takes: Same, All, …;
    ``terminates`` says that its TLS ends there.
    """

    gateway: Key
    name: str
    protocol: str
    port: Any
    node: Node
    hostname: str = ANY
    kinds: frozenset[str] = frozenset()
    namespaces: str = "Same"
    terminates: bool = False

    def takes(self, kind: str, namespace: str) -> bool:
        """Whether it takes routes of a kind from a namespace."""
        return kind in self.kinds and (self.namespaces != "Same" or namespace == self.gateway[0])

    @property
    def scheme(self) -> str:
        return "https" if self.protocol in ("HTTPS", "TLS") else "http"


def read(source: Source) -> tuple[Listener, ...]:
    """A gateway's listeners.

    Raises:
        DocumentError: one has no name or no protocol.
    """
    known = ("gatewayClassName", "listeners")
    source.notes.leftovers(source.object.spec, known, source.owner)
    return tuple(_listener(node, source) for node in source.list("listeners"))


def _listener(node: Node, source: Source) -> Listener:
    source.notes.leftovers(node, _KNOWN, source.owner, "listeners.")
    protocol = needed(node, "protocol", "a listener").text()
    tls = node.get("tls") or Node(None, node.place)
    terminates = protocol in ("HTTPS", "TLS") and text(tls, "mode", "Terminate") == "Terminate"
    if terminates and protocol == "HTTPS":
        source.approximate("listeners.tls: served in plain text", tls if tls.value else node)
    if protocol not in _KINDS:
        source.skip(f"a listener that speaks {protocol}", node)
    port = node.get("port")
    return Listener(
        (source.object.namespace, source.object.name),
        needed(node, "name", "a listener").text(),
        protocol,
        port.value if port is not None else None,
        node,
        text(node, "hostname", ANY).lower() or ANY,
        _allowed_kinds(node, protocol),
        _namespaces(node, source),
        terminates,
    )


def _allowed_kinds(node: Node, protocol: str) -> frozenset[str]:
    allowed = node.get("allowedRoutes") or Node(None, node.place)
    named = {text(each, "kind") for each in elements(allowed, "kinds")}
    possible = _KINDS.get(protocol, frozenset())
    return possible & named if named else possible


def _namespaces(node: Node, source: Source) -> str:
    allowed = node.get("allowedRoutes") or Node(None, node.place)
    namespaces = allowed.get("namespaces") or Node(None, node.place)
    given = text(namespaces, "from", "Same")
    if given == "Selector":
        source.approximate("allowedRoutes.namespaces by labels: taken for all", namespaces)
    return given


def any_of(key: Key, node: Node) -> tuple[Listener, ...]:
    """What a gateway that no file has is taken for: one that takes whatever comes."""
    kinds = {"HTTP": "HTTP", "TLS": "TLS", "TCP": "TCP"}
    return tuple(
        Listener(key, "", protocol, None, node, kinds=_KINDS[protocol], namespaces="All")
        for protocol in kinds
    )
