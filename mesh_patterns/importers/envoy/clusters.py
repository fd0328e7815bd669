"""Clusters as services: whom a file leads to, and where they are.

A cluster whose addresses can be reached from here is a service that others run. Where the file
gives none, or names that only its own network knows (``backend``, ``web.ns.svc.cluster.local``),
the echo stands in.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.external import MAX_ADDRESSES, Address, address
from mesh_patterns.importers.envoy.message import Message
from mesh_patterns.importers.kubernetes import MAX_REPLICAS
from mesh_patterns.selector import RESERVED
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.suggest import suggest

Made = dict[str, Any]

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 63
_INSIDE = (".local", ".svc", ".internal", ".consul", ".test", ".invalid", ".example")
_HERE = frozenset({"localhost", "host.docker.internal"})
LOOPBACK = "127.0.0.1"


@dataclass(slots=True)
class Cluster:
    """A cluster, and the service that it is here. ``addresses`` are those that can be reached;
    none: the echo stands in, with so many ``replicas``.
    """

    message: Message
    service: str
    addresses: tuple[Address, ...] = ()
    replicas: int = 1
    protocol: str = "http"
    http2: bool = False
    tls: Made | None = None
    hash_keys: list[Made] = field(default_factory=list)  # that routes to it have
    ingress: Made | None = None
    asked: bool = False  # by a filter, under its name
    own: bool = False  # a file of ours says what it is
    nobody: bool = False  # it is no cluster, it has a port for others

    @property
    def place(self) -> Place:
        return self.message.place

    @property
    def authority(self) -> str:
        """Its one name; "" where it has none."""
        names = {each.host for each in self.addresses if each.named}
        return names.pop().removesuffix(".") if len(names) == 1 else ""

    def node(self) -> Node:
        """The service."""
        made: Made = {}
        if self.addresses:
            external: Made = {"addresses": [str(each) for each in self.addresses]}
            made["external"] = external | ({"tls": self.tls} if self.tls is not None else {})
        elif self.replicas > 1:
            made["replicas"] = self.replicas
        if self.protocol != "http":
            made["protocol"] = self.protocol
        if self.ingress is not None:
            made["ingress"] = self.ingress
        return Node(Node.of(made, self.place).value, self.place, self.place)


class Names:
    """What services are called, and the hosts that lead to them: each once. ``own`` are the
    services of our own files.
    """

    def __init__(self, own: Collection[str]) -> None:
        self.own = own
        self._services = {name.lower() for name in own}
        self._hosts: set[str] = set()

    def service(self, name: str) -> str:
        """A free name, as near to a cluster's as ours may be."""
        plain = _NOT_IN_NAMES.sub("-", name)[:_LONGEST].strip("._-") or "cluster"
        free, number = plain, 2
        while free.lower() in self._services or free in RESERVED:
            end = f"-{number}"
            free, number = plain[: _LONGEST - len(end)] + end, number + 1
        self._services.add(free.lower())
        return free

    def apart(self, found: Address, service: str) -> Address | None:
        """A name that leads to one service only: of a second one it is spelt with the root's dot;
        ``None`` of a third.
        """
        if not found.named:
            return found
        for host in (found.host, f"{found.host}."):
            others = host in self._services and host != service.lower()
            if host not in self._hosts and not others:
                return Address(host, found.port)
        return None

    def lead(self, addresses: Iterable[Address]) -> None:
        """From now on these are somebody's."""
        self._hosts |= {each.host for each in addresses if each.named}


class Clusters:
    """All clusters of a bootstrap; those that somebody leads to are services."""

    def __init__(self, nodes: Iterable[Message], names: Names) -> None:
        self._names = names
        self._by_name: dict[str, Message] = {}
        self._used: dict[tuple[str, str], Cluster] = {}
        self._by_service: dict[str, Cluster] = {}
        for node in nodes:
            name = node.text("name")
            if name in self._by_name:
                raise DocumentError.at(node.place, f"another cluster {name!r} is there")
            self._by_name[name] = node

    def __iter__(self) -> Iterator[Cluster]:
        """Those that are used, in the order in which they were first."""
        return iter(self._used.values())

    def has(self, name: str) -> bool:
        return name in self._by_name

    def find(self, name: Node, protocol: str = "http") -> Cluster:
        """The cluster of that name, from now on a service. One that gets both requests and bare
        connections is two.

        Raises:
            DocumentError: there is none, or it can't be had on one machine.
        """
        text = name.text()
        kind = "" if protocol == "http" else protocol
        found = self._used.get((text, kind))
        if found is None:
            message = self._by_name.get(text)
            if message is None:
                hint = suggest(text, self._by_name)
                raise DocumentError.at(name.place, f"no cluster {text!r}{hint}")
            found = self._use((text, kind), self._read(message, text, kind))
        return found

    def _use(self, key: tuple[str, str], made: Cluster) -> Cluster:
        self._used[key] = self._by_service[made.service] = made
        return made

    def again(self, cluster: Cluster) -> Cluster:
        """The same once more under another name: for what a service has but one of."""
        text = cluster.message.text("name")
        number = sum(1 for name, _ in self._used if name == text) + 1
        made = self._read(cluster.message, text, str(number))
        made.protocol, made.http2 = cluster.protocol, cluster.http2
        return self._use((text, str(number)), made)

    def stand_in(self, name: str, message: Message) -> Cluster:
        """A service for an entrance that leads to nobody."""
        made = Cluster(message, self._names.service(name), nobody=True)
        message.left_out(f"{made.service!r} has its port: no other service could")
        return self._use((made.service, "nobody"), made)

    def called(self, service: str) -> Cluster | None:
        """The one that is this service."""
        return self._by_service.get(service)

    def unused(self) -> Iterator[Message]:
        used = {name for name, _ in self._used}
        return (message for name, message in self._by_name.items() if name not in used)

    def _read(self, message: Message, name: str, kind: str) -> Cluster:
        _check_type(message)
        if not kind and name in self._names.own:
            return Cluster(message, name, own=True)
        made = Cluster(message, self._names.service(name))
        if made.service != name:
            message.left_out(f"called {made.service!r} here")
        made.protocol = kind if kind in ("tcp", "tls", "redis", "thrift") else "http"
        self._place(made, message)
        return made

    def _place(self, made: Cluster, message: Message) -> None:
        """Where its hosts are."""
        found = list(_endpoints(message))
        made.replicas = max(1, min(len(found), MAX_REPLICAS))
        reached = [each for host, port in found if (each := _reached(host, port)) is not None]
        if not found or len(reached) < len(found) or len(reached) > MAX_ADDRESSES:
            what = ", ".join(f"{host}:{port}" for host, port in found[:3]) or "no address"
            message.left_out(f"{what}: the echo stands in")
            return
        apart = dict.fromkeys(self._names.apart(each, made.service) for each in reached)
        if None in apart:
            message.left_out("other clusters lead to the same host: the echo stands in")
            return
        made.addresses = tuple(each for each in apart if each is not None)
        self._names.lead(made.addresses)


def _check_type(message: Message) -> None:
    kind = message.word("type", "STATIC")
    if kind == "ORIGINAL_DST":
        text = (
            f"{message.owner} sends to where a packet was headed (ORIGINAL_DST), which takes "
            "iptables; here services are named"
        )
        raise DocumentError.at((message.get("type") or message.node).place, text)


def _endpoints(message: Message) -> Iterator[tuple[str, int]]:
    """Hosts and ports; a pipe is neither."""
    assignment = message.part("load_assignment")
    for group in assignment.parts("endpoints") if assignment else ():
        for host in group.parts("lb_endpoints"):
            endpoint = host.part("endpoint")
            if endpoint is not None:
                yield from _address(endpoint)
            host.ignore("load_balancing_weight", "health_status")
            host.rest("lb_endpoints.")
        group.rest("endpoints.")
    if assignment is not None:
        assignment.ignore("cluster_name")
        assignment.rest("load_assignment.")
    for old in message.parts("hosts"):
        yield from _socket(old)


def _address(endpoint: Message) -> Iterator[tuple[str, int]]:
    found = endpoint.part("address")
    if found is not None:
        yield from _socket(found)
    endpoint.ignore("hostname")
    endpoint.rest("endpoint.")


def _socket(found: Message) -> Iterator[tuple[str, int]]:
    pipe, socket = found.part("pipe"), found.part("socket_address")
    if pipe is not None:
        yield pipe.text("path"), 0
    elif socket is not None:
        yield socket.text("address"), socket.number("port_value")
    else:
        yield "somewhere", 0


def _reached(host: str, port: int) -> Address | None:
    """An address that this machine can use as it is."""
    name = LOOPBACK if host.lower() in _HERE else host.lower()
    try:
        found = address(f"[{name}]:{port}" if ":" in name else f"{name}:{port}")
    except ValueError:
        return None
    bare = found.host.removesuffix(".")
    known_inside = "." not in bare or bare.endswith(_INSIDE)
    return None if found.named and known_inside else found
