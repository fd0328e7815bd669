"""Gateway: which hosts the ingress answers to, and how. There is one ingress; what is served in
plain text has one port, what is TLS has another.

A certificate that a Gateway names is a secret of a cluster, which no file has: the mesh's own
authority signs one instead. https://istio.io/latest/docs/reference/config/networking/gateway/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.hostnames import covers
from mesh_patterns.importers.istio.source import MESH, Source
from mesh_patterns.importers.objects import Object, texts
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB"})
_KNOWN = frozenset({"port", "hosts", "name", "bind", "defaultEndpoint", "tls"})
_TLS = frozenset(
    {
        "mode", "httpsRedirect", "credentialName", "credentialNames", "serverCertificate",
        "privateKey", "caCertificates", "minProtocolVersion",
    }
)  # fmt: skip
_ENDS = frozenset({"SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL"})  # at the gateway
_PASSED = frozenset({"PASSTHROUGH", "AUTO_PASSTHROUGH"})

Key = tuple[str, str]  # namespace and name


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway's hosts; ``*`` among them is any. ``secure`` are those that are served with TLS,
    and how, ``passed`` those whose connections are passed on as they are.
    """

    object: Object
    hosts: tuple[str, ...]
    secure: Mapping[str, Node] = field(default_factory=dict)
    passed: tuple[str, ...] = ()
    egress: bool = False  # for what leaves the mesh

    def tls(self, host: str) -> Node | None:
        """How a host of its VirtualServices is served with TLS, if it is."""
        return next((node for name, node in self.secure.items() if covers(name, host)), None)


def key(text: str, namespace: str) -> Key:
    """A gateway as a VirtualService names it."""
    left, slash, right = text.partition("/")
    return (left, right) if slash else (namespace, left)


def read(source: Source) -> Gateway:
    """A gateway's servers.

    Raises:
        DocumentError: a server has no hosts.
    """
    source.notes.leftovers(source.object.spec, ("selector", "servers"), source.owner)
    hosts: dict[str, None] = {}
    plain: dict[str, None] = {}
    passed: dict[str, None] = {}
    secure: dict[str, Node] = {}
    redirects: list[Node] = []
    for server in source.list("servers"):
        names = dict.fromkeys(_hosts(server))
        kind, tls = _kind(server, source)
        if kind == "http":
            hosts |= names
            if tls is None:
                plain |= names
            else:
                secure |= dict.fromkeys(names, tls)
        elif kind == "passed":
            passed |= names
        elif kind == "redirect":
            redirects.append(server)
    if redirects and not secure:
        source.skip("httpsRedirect where nothing is served with TLS", redirects[0])
    for name in [name for name in secure if name in plain]:
        message = f"{name!r} is served with TLS and without: here it is without"
        source.notes.warn(secure.pop(name).place, message)
    selector = texts(source.object.spec.get("selector")).values()
    egress = any("egress" in value for value in selector)
    return Gateway(source.object, tuple(hosts), secure, tuple(passed), egress)


def _hosts(server: Node) -> Iterator[str]:
    """A host may say from which namespace a VirtualService may come."""
    if server.get("hosts") is None:
        raise DocumentError.at(server.place, "a server has no 'hosts'")
    return (host.text().rpartition("/")[2] for host in elements(server, "hosts"))


def _kind(server: Node, source: Source) -> tuple[str, Node | None]:
    """``http``, with how TLS is spoken if it is, ``passed`` for what goes on as it is, or what
    nothing is made of here.
    """
    source.notes.leftovers(server, _KNOWN, source.owner, "servers.")
    name = text(server.find("port"), "protocol", "HTTP").upper()
    tls = server.get("tls") or Node(None, server.place)
    source.notes.leftovers(tls, _TLS, source.owner, "servers.tls.")
    if text(tls, "mode") in _PASSED or name in ("TCP", "MONGO", "MYSQL"):
        return "passed", None
    if name in _HTTP:
        return _plain(tls, source)
    if name == "HTTPS" and (text(tls, "mode", "SIMPLE") in _ENDS):
        return "http", _spoken(tls, source)
    source.skip(f"a server that speaks {name}", server)
    return "", None


def _plain(tls: Node, source: Source) -> tuple[str, Node | None]:
    """A server that only sends on to https is nothing of its own: the one with TLS does so."""
    if text(tls, "httpsRedirect") == "true":
        return "redirect", None
    if text(tls, "mode"):
        source.approximate("servers.tls of a server that speaks HTTP: served in plain text", tls)
    return "http", None


def _spoken(tls: Node, source: Source) -> Node:
    """``tls:`` of the ingress."""
    named = next((tls.get(n) for n in ("credentialName", "serverCertificate") if tls.get(n)), None)
    what = "the certificate of a TLS server is one of the mesh's own authority"
    source.approximate(what, named or tls)
    made: dict[str, object] = {}
    mode = text(tls, "mode", "SIMPLE")
    if mode in ("MUTUAL", "ISTIO_MUTUAL"):
        made["mutual"] = True
        source.approximate("clients show certificates of the mesh's own authority", tls)
    elif mode == "OPTIONAL_MUTUAL":
        source.skip("servers.tls.mode: OPTIONAL_MUTUAL, taken for SIMPLE", tls.find("mode"))
    oldest = text(tls, "minProtocolVersion")
    if oldest == "TLSV1_3":
        made["min_version"] = "1.3"
    return Node.of(made or True, tls.place)


def bound(source: Source) -> tuple[list[Node], bool]:
    """The gateways that a VirtualService names, and whether it is for the sidecars."""
    given = source.list("gateways")
    others = [node for node in given if node.text() != MESH]
    return others, len(others) < len(given) or not given


def egress(source: Source, known: Mapping[Key, Gateway]) -> list[Node]:
    """Those of the gateways that a VirtualService names that are for what leaves the mesh."""
    named = [(node, key(node.text(), source.object.namespace)) for node in bound(source)[0]]
    return [node for node, at in named if at in known and known[at].egress]


def ingress(source: Source, known: Mapping[Key, Gateway]) -> list[Node]:
    """The others."""
    leaving = egress(source, known)
    return [node for node in bound(source)[0] if node not in leaving]


def is_egress(host: str) -> bool:
    """Whether a service is the one that stands for the egress gateway."""
    return "egressgateway" in host.partition(".")[0]
