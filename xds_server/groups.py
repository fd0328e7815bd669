"""Which snapshot a node gets: a table of rules from what a node says of itself to a group's name.

Envoys and gRPC clients never share a group, since what one takes the other refuses or, worse,
ignores. A rule is for one kind of client; a table in which two kinds could come to one group can
not be built; and a node that no rule of its kind takes is told so and gets nothing. A client of
neither kind (its user agent says nothing) takes what it asks for.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from string import Formatter
from typing import Literal

from xds_server.errors import LocalXdsError, RemoteXdsError
from xds_server.node import Kind, NodeInfo

ServedKind = Literal["envoy", "grpc"]

_FIELDS = ("id", "cluster", "region", "zone", "sub_zone")
_PLURAL: Mapping[Kind, str] = {"envoy": "Envoys", "grpc": "gRPC clients", "other": "others"}


class NoGroup(RemoteXdsError):
    """A node that gets no snapshot: its stream ends with FAILED_PRECONDITION and this text.

    That is what both clients handle best: gRPC fails its calls at once and with this text instead
    of waiting 15 s; Envoy logs it, keeps what it has, and comes again after its back-off.
    """

    STATUS = "FAILED_PRECONDITION"

    def __init__(self, message: str) -> None:
        super().__init__(message, self.STATUS)


def fits(kind: ServedKind, node: NodeInfo) -> bool:
    """Whether config that is made for ``kind`` may go to the node."""
    return node.kind in (kind, "other")


@dataclass(frozen=True, slots=True)
class Rule:
    """Nodes of one ``kind`` whose fields are as asked for are in ``group``.

    What is asked of a field is its text, where ``*`` stands for anything (``reviews-*``). ``group``
    may contain fields of the node: ``{id}``, ``{cluster}``, ``{region}``, ``{zone}``,
    ``{sub_zone}``. Raises ``LocalXdsError`` for a group that contains something else.
    """

    group: str
    kind: ServedKind = "envoy"
    id: str = "*"
    cluster: str = "*"
    region: str = "*"
    zone: str = "*"
    sub_zone: str = "*"

    def __post_init__(self) -> None:
        if self.kind not in ("envoy", "grpc"):
            raise LocalXdsError(f"a rule for {self.kind!r}: wanted 'envoy' or 'grpc'")
        found = {field for _, field, _, _ in Formatter().parse(self.group) if field is not None}
        if wrong := sorted(found.difference(_FIELDS)):
            raise LocalXdsError(f"group {self.group!r}: got {wrong}, wanted some of {_FIELDS}")

    def takes(self, node: NodeInfo) -> bool:
        """Whether the node's fields are as asked for, whatever its kind."""
        return all(_matches(getattr(self, each), getattr(node, each)) for each in _FIELDS)

    def name(self, node: NodeInfo) -> str:
        return self.group.format_map({each: getattr(node, each) for each in _FIELDS})

    def names(self) -> str:
        """All names that it can give, ``*`` for what differs."""
        return self.group.format_map({each: getattr(self, each) for each in _FIELDS})


class Groups:
    """The table; the first rule that takes a node, and is for its kind, names its group.

    An object of it is what ``XdsServer`` takes as ``group_of``. Raises ``LocalXdsError`` where two
    rules could bring Envoys and gRPC clients to one group.
    """

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        for one, other in combinations(rules, 2):
            if one.kind != other.kind and _may_meet(one.names(), other.names()):
                raise LocalXdsError(
                    f"groups {one.group!r} for {_PLURAL[one.kind]} and {other.group!r} for "
                    f"{_PLURAL[other.kind]}: a name could be both"
                )

    def __call__(self, node: NodeInfo) -> str:
        """The name of the node's group. Raises ``NoGroup`` where no rule takes it."""
        taking = [rule for rule in self.rules if rule.takes(node)]
        for rule in taking:
            if fits(rule.kind, node):
                return rule.name(node)
        raise NoGroup(f"{node.id}: {_why(node, taking)}")


def misfit(node: NodeInfo, group: str, kind: Kind) -> NoGroup:
    """The refusal of a node whose group is there for another kind of clients."""
    return NoGroup(f"{node.id}: is {node.describes}, but group {group!r} is for {_PLURAL[kind]}")


def _why(node: NodeInfo, taking: Iterable[Rule]) -> str:
    told = [f"group {rule.name(node)!r} is for {_PLURAL[rule.kind]}" for rule in taking]
    if told:
        return f"is {node.describes}, but {' and '.join(told)}"
    said = ", ".join(_said(node))
    return f"no rule takes this node ({said})"


def _said(node: NodeInfo) -> Iterator[str]:
    for field in _FIELDS:
        if value := getattr(node, field):
            yield f"{field} {value!r}"
    yield node.describes


def _matches(pattern: str, value: str) -> bool:
    return pattern == "*" or _compiled(pattern).fullmatch(value) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


@functools.lru_cache(maxsize=4096)
def _may_meet(one: str, other: str) -> bool:
    """Whether some text fits both patterns."""
    if not one or not other:
        return not (one or other).strip("*")
    if one[0] == "*":
        return _may_meet(one[1:], other) or _may_meet(one, other[1:])
    if other[0] == "*":
        return _may_meet(other, one)
    return one[0] == other[0] and _may_meet(one[1:], other[1:])
