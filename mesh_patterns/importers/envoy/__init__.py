"""Envoy's own bootstraps: a file that ``envoy -c`` takes, as a mesh with that Envoy at its edge.

Listeners are ports of the ingress, routes are rules, clusters are services. One Envoy runs all of
it, as with the file. What was not taken is told, field by field.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from mesh_patterns.importers.envoy import cluster_policies, listeners, upstream_tls
from mesh_patterns.importers.envoy.clusters import Clusters, Names
from mesh_patterns.importers.envoy.entrances import Carriers, Ports
from mesh_patterns.importers.envoy.message import Message
from mesh_patterns.importers.notes import Notes
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_MEANINGLESS = ("node",)  # who the Envoy is: ours have names of their own


def tree(documents: Sequence[Node], notes: Notes, own: Collection[str]) -> Node:
    """All bootstraps together as one tree of our language. ``own`` are services that files of ours
    describe: a cluster of such a name is that service.

    Raises:
        DocumentError: there is nothing to run in them, or something that no machine alone has.
    """
    names, ports = Names(own), Ports()
    services: dict[str, Node] = {}
    patterns: list[Node] = []
    for document in documents:
        bootstrap = _Bootstrap(Message(document, notes, "the bootstrap"), names, ports)
        patterns += bootstrap.patterns()
        services |= bootstrap.services()
    mesh: dict[str, Any] = {"dataplane": "node", "services": services}
    made: dict[str, Any] = {"mesh": mesh, "patterns": patterns}
    return Node.of(made, documents[0].place)


class _Bootstrap:
    """One file."""

    def __init__(self, message: Message, names: Names, ports: Ports) -> None:
        static = message.part("static_resources") or message.within(Node({}, message.node.place))
        nodes = static.list("clusters")
        titled = (static.within(node, _title(node)) for node in nodes)
        self._clusters = Clusters(titled, names)
        self._carriers = Carriers(self._clusters, ports)
        found = 0
        for number, node in enumerate(static.list("listeners"), 1):
            listener = static.within(node, listeners.owner(node, number))
            for entrance in listeners.entrances(listener, self._clusters):
                self._carriers.add(entrance)
                found += 1
        if not found:
            text = "has no listener that could be an entrance; expected static_resources with one"
            raise DocumentError.at(static.place, text)
        static.rest("static_resources.")
        message.ignore(*_MEANINGLESS)
        if message.get("admin") is not None:
            message.left_out("admin: an Envoy has an interface of its own here")
        message.rest()

    def patterns(self) -> Iterator[Node]:
        """The rules first; then what clusters say."""
        yield from self._carriers.patterns()
        for cluster in self._clusters:
            upstream_tls.read(cluster)
            if cluster.own or cluster.nobody:
                continue
            made = list(cluster_policies.patterns(cluster))
            if made and cluster.ingress is None:
                cluster.ingress = self._carriers.settle(cluster.service)
            yield from made
        for message in self._clusters.unused():
            message.left_out("no listener leads to it: left out")

    def services(self) -> dict[str, Node]:
        return {each.service: each.node() for each in self._clusters if not each.own}


def _title(node: Node) -> str:
    name = node.get("name")
    return f"cluster {name.text()!r}" if name is not None else "a cluster"
