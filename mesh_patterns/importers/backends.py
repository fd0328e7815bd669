"""Services that routes lead to, by their names.

Gateway API and SMI know no versions: each version has a Service of its own, whose pods are some of
those of the Service that callers use. Here that is a version of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mesh_patterns.importers.catalog import Catalog, Entry
from mesh_yaml.node import Node


def targets(
    name: Node, namespace: str, catalog: Catalog, root: Entry | None = None
) -> tuple[str, ...]:
    """What ``to:`` says of a Service that a route for callers of ``root`` leads to.

    None: there is no such Service, among others that there are. In files that have no services at
    all the echo stands in, as a version of ``root`` where the name says so.
    """
    part = catalog.part(name.text(), namespace)
    if part is not None:
        return part.targets()
    entry = catalog.lookup(name.text(), namespace)
    if entry is not None:
        return (entry.name,)
    version = _version(name, catalog, root)
    if version is not None:
        return (version,)
    return () if catalog.described else (catalog.find(name, namespace).name,)


def _version(name: Node, catalog: Catalog, root: Entry | None) -> str | None:
    """``reviews-v1`` is version ``v1`` of ``reviews``: of a file of our own, or of what no file
    describes.
    """
    candidates = [root] if root is not None else [e for e in catalog.entries.values() if e.own]
    for entry in candidates:
        version = name.text().removeprefix(f"{entry.name}-")
        if version == name.text() or not version:
            continue
        if version in entry.variants:
            return f"{entry.name}/{version}"
        if entry.invented and not catalog.described:
            return entry.target(entry.variant(version, name.place))
    return None


def shared(shares: Iterable[tuple[int, Sequence[str], Node]]) -> dict[str, Node]:
    """``to:`` of a rule: weights, each with the targets that have it together and its line."""
    found = [share for share in shares if share[1]]
    scale = math.lcm(*(len(names) for _, names, _ in found))
    total: dict[str, Node] = {}
    for weight, names, node in found:
        for name in names:
            before = total.get(name)
            so_far = before.value if before and isinstance(before.value, int) else 0
            total[name] = Node(so_far + weight * scale // len(names), node.place)
    return total


def answer(status: int, match: Mapping[str, Any], place: Node) -> Node:
    """A rule by which the Envoy answers itself."""
    made: dict[str, Any] = {"match": dict(match)} if match else {}
    return Node.of({**made, "respond": {"status": status}}, place.place)
