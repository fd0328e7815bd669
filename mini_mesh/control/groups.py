"""In which group each node of a mesh is, and who is turned away.

Each node is a group of its own, and for whom its snapshot is made is part of the group's name: an
Envoy is never served what was made for a gRPC client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from xds_server.groups import Groups, NoGroup, Rule, ServedKind, fits, misfit
from xds_server.node import NodeInfo

GROUPS = Groups(Rule("envoy/{id}"), Rule("grpc/{id}", kind="grpc"))  # of nodes not known yet
NO_KINDS: Mapping[str, ServedKind] = MappingProxyType({})


class NodeGroups:
    """An object of it is the ``group_of`` of a server.

    ``turned_away`` is told of each client that gets nothing, and why; once, though it may come
    again and again.
    """

    def __init__(self, turned_away: Callable[[str, str], None]) -> None:
        self._report = turned_away
        self._kinds: dict[str, ServedKind] = {}
        self._told: dict[str, str] = {}

    def __call__(self, node: NodeInfo) -> str:
        """The group of a node. Raises ``NoGroup`` for one that is not of its snapshot's kind."""
        kind = self._kinds.get(node.id)
        if kind is None:
            return GROUPS(node)
        if not fits(kind, node):
            raise misfit(node, node.id, kind)
        return self.name(node.id)

    def know(self, nodes: Iterable[str], kinds: Mapping[str, ServedKind]) -> None:
        """These nodes have snapshots, of these kinds: by default of that which they had."""
        self._kinds.update({node: self.kind(node) for node in nodes})
        self._kinds.update(kinds)

    def nodes(self) -> tuple[str, ...]:
        return tuple(self._kinds)

    def kind(self, node: str) -> ServedKind:
        """For which kind of client a node's snapshot is made; an Envoy, if nobody said."""
        return self._kinds.get(node, "envoy")

    def name(self, node: str) -> str:
        """The group that the node's snapshot is for."""
        return f"{self.kind(node)}/{node}"

    def check(self, nodes: Iterable[NodeInfo]) -> None:
        """Reports those that came before it was known for whom their node's snapshot is made."""
        for node in {*nodes}:
            try:
                self(node)
            except NoGroup as wrong:
                self.turn_away(node.id, str(wrong))

    def turn_away(self, node: str, why: str) -> None:
        if self._told.get(node) != why:
            self._told[node] = why
            self._report(node, why)
