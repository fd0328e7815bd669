"""ReferenceGrant: what in one namespace may be referred to from another."""

from __future__ import annotations

from dataclasses import dataclass

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
        (_text(n, "group"), _text(n, "kind"), _text(n, "namespace")) for n in _list(each, "from")
    }
    goals = {(_text(n, "group"), _text(n, "kind"), _text(n, "name")) for n in _list(each, "to")}
    return Grant(each.namespace, frozenset(peers), frozenset(goals))


def _list(each: Object, name: str) -> tuple[Node, ...]:
    found = each.spec.get(name)
    return found.elements() if found is not None else ()


def _text(node: Node, name: str) -> str:
    found = node.get(name)
    text = found.text() if found is not None and found.value is not None else ""
    return "" if name == "group" and text == "core" else text
