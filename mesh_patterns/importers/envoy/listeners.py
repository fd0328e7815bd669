"""Listeners as entrances: where requests and connections come in, and what becomes of them there.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener.proto
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.importers.envoy import downstream_tls, managers, streams
from mesh_patterns.importers.envoy.clusters import Cluster, Clusters
from mesh_patterns.importers.envoy.message import Message, typed
from mesh_patterns.importers.tables import Table
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]

# By the last part of a network filter's name, its type: old files have no other.
_BY_NAME = {
    "http_connection_manager": "HttpConnectionManager", "tcp_proxy": "TcpProxy",
    "redis_proxy": "RedisProxy", "thrift_proxy": "ThriftProxy",
}  # fmt: skip
_INSPECTORS = ("tls_inspector", "http_inspector")


@dataclass(frozen=True, slots=True)
class Entrance:
    """What comes in at a listener's port in one way: requests by ``tables`` through ``filters``, or
    connections that go to ``stream``.
    """

    message: Message  # of the listener
    port: int
    tables: Sequence[Table] = ()
    filters: Sequence[Node] = ()
    tls: Made | None = None
    stream: Cluster | None = None
    names: tuple[str, ...] = field(default=())  # of the stream's, by SNI


def entrances(listener: Message, clusters: Clusters) -> Iterator[Entrance]:
    """Those of one listener; none of what we can't take, which is told.

    Raises:
        DocumentError: it takes what iptables bring, or leads to a cluster that is not there.
    """
    _refuse_original_dst(listener)
    port = _port(listener)
    if port is None:
        return
    chains = listener.parts("filter_chains")
    default = listener.part("default_filter_chain")
    for chain in [*_of_one_transport(chains), *([default] if default is not None else [])]:
        yield from _chain(chain, listener, port, clusters)
    listener.ignore("name", "stat_prefix", "traffic_direction", "enable_reuse_port", "metadata")
    listener.rest()


def _refuse_original_dst(listener: Message) -> None:
    filters = listener.parts("listener_filters")
    originals = [each.node for each in filters if "original_dst" in each.text("name")]
    flag = listener.get("use_original_dst")
    if flag is not None and flag.value is True:
        originals.append(flag)
    if originals:
        text = (
            f"{listener.owner} takes what was headed elsewhere (original_dst), which takes "
            "iptables; here each service has a port"
        )
        raise DocumentError.at((originals[0].key or originals[0].place), text)
    for each in filters:
        if not each.text("name").endswith(_INSPECTORS):
            each.left_out(f"listener filter {each.text('name')!r}")


def _port(listener: Message) -> int | None:
    """Where it listens, on loopback here whatever the file says."""
    address = listener.part("address")
    socket = address.part("socket_address") if address is not None else None
    if socket is None:
        listener.notes.warn(listener.place, f"{listener.owner} is left out: it has no port")
        return None
    if socket.word("protocol", "TCP") != "TCP" or listener.get("udp_listener_config"):
        listener.notes.warn(listener.place, f"{listener.owner} is left out: it takes UDP")
        return None
    if listener.get("bind_to_port") is not None and not listener.flag("bind_to_port"):
        listener.notes.warn(listener.place, f"{listener.owner} is left out: it binds to no port")
        return None
    socket.ignore("address")
    socket.rest("socket_address.") if socket.get("port_value") else None
    for more in listener.parts("additional_addresses"):
        more.left_out("additional_addresses: it has the first one's port")
    return socket.number("port_value")


def _of_one_transport(chains: Sequence[Message]) -> Iterator[Message]:
    """A port of ours speaks TLS or it does not; one that does both, does."""
    matches = [chain.part("filter_chain_match") for chain in chains]
    transports = ["" if each is None else each.text("transport_protocol") for each in matches]
    for chain, transport in zip(chains, transports, strict=True):
        if transport == "raw_buffer" and "tls" in transports:
            chain.left_out("plaintext at a port that speaks TLS")
        else:
            yield chain


def _chain(chain: Message, listener: Message, port: int, clusters: Clusters) -> Iterator[Entrance]:
    names = _names(chain)
    filters = chain.parts("filters")
    if not filters:
        listener.notes.warn(chain.place, f"a chain of {listener.owner} is left out: no filters")
        return
    for each in filters[:-1]:
        each.left_out(f"network filter {each.text('name')!r}")
    last = filters[-1]
    name = last.text("name")
    kind, content = typed(last)
    kind = kind or _BY_NAME.get(name.rpartition(".")[2], name)
    tls = downstream_tls.read(chain)
    chain.ignore("name", "metadata", "transport_socket_connect_timeout")
    chain.rest("filter_chains.")
    if kind == "HttpConnectionManager":
        manager = managers.read(content, names, tls is not None, clusters)
        if manager is not None:
            yield Entrance(listener, port, manager.tables, manager.filters, tls)
        return
    if tls is not None:
        chain.left_out(f"TLS in front of {kind}: it is plaintext here")
    found = streams.read(kind, content, bool(names), clusters)
    if found is not None:
        yield Entrance(listener, port, stream=found, names=names)


def _names(chain: Message) -> tuple[str, ...]:
    """The names by which clients ask for a chain (SNI)."""
    match = chain.part("filter_chain_match")
    if match is None:
        return ()
    found = tuple(node.text().lower() for node in match.list("server_names"))
    match.ignore("transport_protocol")
    match.rest("filter_chain_match.")
    return found


def owner(node: Node, number: int) -> str:
    """What notes call a listener: by its name, or by which it is."""
    name = node.get("name")
    return f"listener {name.text()!r}" if name is not None else f"listener {number}"
