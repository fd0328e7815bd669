"""Connections that a listener hands on as they are, or command by command."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mesh_patterns.importers.envoy.clusters import Cluster, Clusters
from mesh_patterns.importers.envoy.message import Message, whole
from mesh_yaml.node import Node


def read(kind: str, message: Message, named: bool, clusters: Clusters) -> Cluster | None:
    """Whom the last filter of a chain leads to; ``None``, and a word, for what we have not.

    ``named``: clients say by SNI whom they want, so it is their own TLS that goes through.
    """
    found = _ENDS.get(kind)
    if found is None:
        message.notes.warn(message.place, f"{message.owner}: a filter {kind!r} is left out")
        return None
    protocol, name_of = found
    name = name_of(message)
    if name is None:
        message.notes.warn(message.place, f"{message.owner}: {kind} leads to no cluster")
        return None
    message.ignore("@type", "stat_prefix")
    message.rest(f"{kind}.")
    return clusters.find(name, "tls" if named and protocol == "tcp" else protocol)


def _of_tcp(message: Message) -> Node | None:
    weighted = message.part("weighted_clusters")
    if weighted is None:
        return message.get("cluster")
    shares = weighted.parts("clusters")
    for share in shares[1:]:
        share.left_out("weighted_clusters of connections: the largest gets them all")
    named = [(share.get("name"), share.get("weight")) for share in shares]
    found = [(0 if weight is None else whole(weight), name) for name, weight in named if name]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _of_redis(message: Message) -> Node | None:
    routes = message.part("prefix_routes")
    everything = routes.part("catch_all_route") if routes is not None else None
    message.ignore("settings")
    if routes is not None:
        routes.rest("prefix_routes.")
    return everything.get("cluster") if everything is not None else message.get("cluster")


def _of_thrift(message: Message) -> Node | None:
    table = message.part("route_config")
    routes = table.parts("routes") if table is not None else []
    for more in routes[1:]:
        more.left_out("a second route of thrift_proxy")
    message.ignore("transport", "protocol", "thrift_filters")
    action = routes[0].part("route") if routes else None
    return action.get("cluster") if action is not None else None


# By type: what the hosts speak, and the name of the cluster.
_ENDS: Mapping[str, tuple[str, Callable[[Message], Node | None]]] = {
    "TcpProxy": ("tcp", _of_tcp),
    "RedisProxy": ("redis", _of_redis),
    "ThriftProxy": ("thrift", _of_thrift),
}
