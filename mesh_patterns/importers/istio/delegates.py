"""``delegate``: a rule of a VirtualService that leaves the rest to another one's rules.

The other one has no hosts of its own. Both matches have to hold, and what the first says of
timeouts, retries and the like wins.
https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.istio.source import Source
from mesh_yaml.node import Node

Key = tuple[str, str]  # namespace and name
Found = Iterator[tuple[Node, Source]]

_OWN = ("match", "delegate", "name")
_MAPPINGS = ("headers", "withoutHeaders", "queryParams")


def rules(source: Source, others: Mapping[Key, Source]) -> Found:
    """All rules of a VirtualService, each with the one that it stands in."""
    for rule in source.list("http"):
        delegate = rule.get("delegate")
        if delegate is None or rule.get("route") is not None:
            yield rule, source
            continue
        name, namespace = text(delegate, "name"), text(delegate, "namespace")
        other = others.get((namespace or source.object.namespace, name))
        if other is None:
            message = f"no VirtualService {name!r} without hosts: that rule is left out"
            source.notes.warn(delegate.place, message)
        else:
            yield from _joined(rule, other)


def _joined(rule: Node, other: Source) -> Found:
    settings = {name: node for name, node in rule.items() if name not in _OWN}
    for inner in other.list("http"):
        if inner.get("delegate") is not None:
            other.skip("a delegate of a delegate", inner)
            continue
        matches = list(_matches(elements(rule, "match"), elements(inner, "match")))
        if matches != [] or not (elements(rule, "match") or elements(inner, "match")):
            made: dict[str, Any] = {**dict(inner.items()), **settings}
            yield Node.of({**made, "match": matches} if matches else made, inner.place), other


def _matches(outer: Sequence[Node], inner: Sequence[Node]) -> Iterable[Node]:
    """All pairs of them that a request can be of."""
    if not outer or not inner:
        return outer or inner
    pairs = ((one, other) for one in outer for other in inner)
    return [found for one, other in pairs if (found := _both(one, other)) is not None]


def _both(one: Node, other: Node) -> Node | None:
    """Both at once; ``None`` where they are of different paths."""
    made: dict[str, Any] = {**dict(one.items()), **dict(other.items())}
    for name in _MAPPINGS:
        mine, theirs = one.get(name), other.get(name)
        if mine is not None and theirs is not None:
            made[name] = {**dict(mine.items()), **dict(theirs.items())}
    mine, theirs = one.get("uri"), other.get("uri")
    if mine is not None and theirs is not None:
        prefix = text(mine, "prefix")
        path = text(theirs, "prefix") or text(theirs, "exact")
        if mine.plain() != theirs.plain() and not (prefix and path.startswith(prefix)):
            return None
    return Node.of(made, other.place)
