"""What a rule asks of a request, all of which has to hold: parts of rules, put together."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.importers.istio.principals import wildcard
from mesh_patterns.policy import ANYBODY
from mesh_yaml.node import Node
from mesh_yaml.place import Place

Lists = Mapping[str, tuple[Node, ...]]  # of our names, of each one is enough
CLAIM = "claims:"  # before the name of a claim, in such a list's name
_BLOCKS = ("ip_blocks", "remote_ip_blocks")


class Impossible(Exception):
    """That no request can be so; its text says why, for people."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``names`` are services that may ask (``None``: whoever it is), ``headers`` fields that have
    to be so, and of ``excluded`` nothing may hold.
    """

    names: frozenset[str] | None = None
    lists: Lists = field(default_factory=dict)
    headers: Mapping[str, Node] = field(default_factory=dict)
    excluded: Lists = field(default_factory=dict)

    @classmethod
    def all_of(cls, parts: Iterable[Asked]) -> Asked:
        """All of it at once. Raises ``Impossible``."""
        return functools.reduce(_both, parts, cls())

    def tree(self, place: Place) -> Node:
        """This, in our own language."""
        made: dict[str, Any] = {}
        if self.names is not None:
            made["from"] = sorted(self.names)
        made |= _tree(self.lists)
        if self.headers:
            made["headers"] = dict(self.headers)
        if self.excluded:
            made["not"] = _tree(self.excluded)
        return Node.of(made, place)


def _tree(lists: Lists) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, nodes in lists.items():
        whole = Node(nodes, nodes[0].place)
        if name.startswith(CLAIM):
            made.setdefault("claims", {})[name.removeprefix(CLAIM)] = whole
        else:
            made[name] = whole
    return made


def _both(one: Asked, other: Asked) -> Asked:
    return Asked(
        _named_by_both(one.names, other.names),
        _in_both(one.lists, other.lists),
        {**one.headers, **other.headers},
        _either(one.excluded, other.excluded),
    )


def _named_by_both(
    one: frozenset[str] | None, other: frozenset[str] | None
) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    found = other if ANYBODY in one else one if ANYBODY in other else one & other
    if not found:
        raise Impossible("nobody here is both")
    return found


def _in_both(one: Lists, other: Lists) -> Lists:
    """Only blocks of addresses and tokens are asked for in two places."""
    found = {**one, **other}
    for name in one.keys() & other.keys():
        found[name] = _common(one[name], other[name], _inner if name in _BLOCKS else _narrower)
    return found


def _common(
    one: Iterable[Node], other: Iterable[Node], both: Callable[[Node, Node], Node | None]
) -> tuple[Node, ...]:
    """What is in both lists: of two, one holds the other, or they have nothing in common."""
    others = list(other)
    found = [inner for a in one for b in others if (inner := both(a, b)) is not None]
    if not found:
        raise Impossible("nothing is in both")
    return tuple(found)


def _narrower(one: Node, other: Node) -> Node | None:
    """Of two names, with a star at an end or without, the one that the other one holds."""
    if wildcard(one.text())(other.text()):
        return other
    return one if wildcard(other.text())(one.text()) else None


def _inner(one: Node, other: Node) -> Node | None:
    try:
        a, b = (ipaddress.ip_network(node.text(), strict=False) for node in (one, other))
    except ValueError:
        return one  # which is told where blocks are read
    if a.version != b.version or not a.overlaps(b):
        return None
    return one if a.prefixlen >= b.prefixlen else other


def _either(one: Lists, other: Lists) -> Lists:
    return {
        name: (*one.get(name, ()), *other.get(name, ())) for name in dict.fromkeys((*one, *other))
    }
