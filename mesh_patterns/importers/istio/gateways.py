"""Gateway: which hosts the ingress answers to. There is one ingress, on a port of its own."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_patterns.importers.istio.source import MESH, Source
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB"})
_KNOWN = frozenset({"port", "hosts", "name", "bind", "defaultEndpoint", "tls"})

Key = tuple[str, str]  # namespace and name


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway's hosts; ``*`` among them is any."""

    object: Object
    hosts: tuple[str, ...]


def key(text: str, namespace: str) -> Key:
    """A gateway as a VirtualService names it."""
    left, slash, right = text.partition("/")
    return (left, right) if slash else (namespace, left)


def read(source: Source) -> Gateway:
    """A gateway's plain HTTP servers; the others are told of.

    Raises:
        DocumentError: a server has no hosts.
    """
    source.notes.leftovers(source.object.spec, ("selector", "servers"), source.owner)
    hosts: dict[str, None] = {}
    for server in source.list("servers"):
        if _serves(server, source):
            given = server.get("hosts")
            if given is None:
                raise DocumentError.at(server.place, "a server has no 'hosts'")
            # a host may say from which namespace a VirtualService may come
            hosts |= dict.fromkeys(host.text().rpartition("/")[2] for host in given.elements())
    return Gateway(source.object, tuple(hosts))


def _serves(server: Node, source: Source) -> bool:
    source.notes.leftovers(server, _KNOWN, source.owner, "servers.")
    port = server.get("port") or Node(None, server.place)
    protocol = port.get("protocol")
    name = protocol.text().upper() if protocol is not None else "HTTP"
    tls = server.get("tls")
    if tls is not None and any(item.value for _, item in tls.items()):
        source.approximate("servers.tls: served in plain text", tls)
    if name in ("HTTPS", "TLS"):
        return True
    if name not in _HTTP:
        source.skip(f"a server that speaks {name}", server)
    return name in _HTTP


def bound(source: Source) -> tuple[list[Node], bool]:
    """The gateways that a VirtualService names, and whether it is for the sidecars."""
    given = source.list("gateways")
    others = [node for node in given if node.text() != MESH]
    return others, len(others) < len(given) or not given
