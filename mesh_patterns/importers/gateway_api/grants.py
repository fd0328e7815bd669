"""ReferenceGrant: what in one namespace may be referred to from another."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node

Peer = tuple[str, str, str]  # of whom refers: group, kind and namespace


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant: who may refer to what in ``namespace``; a name that is empty is any."""

    namespace: str
    peers: frozenset[Peer]
    goals: frozenset[tuple[str, str, str]]  # group, kind and name

    def allows(self, peer: Peer, kind: str, namespace: str, name: str) -> bool:
        """Whether ``peer`` may refer to an object of Kubernetes' own group."""
        wanted = {("", kind, name), ("", kind, "")}
        return namespace == self.namespace and peer in self.peers and bool(wanted & self.goals)


def read(each: Object) -> Grant:
    """What an object grants."""
    peers = {
        (_group(node), text(node, "kind"), text(node, "namespace"))
        for node in elements(each.spec, "from")
    }
    goals = {
        (_group(node), text(node, "kind"), text(node, "name")) for node in elements(each.spec, "to")
    }
    return Grant(each.namespace, frozenset(peers), frozenset(goals))


def _group(node: Node) -> str:
    group = text(node, "group")
    return "" if group == "core" else group
