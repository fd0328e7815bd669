"""``dependsOn``: which component comes after which. Here all start together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from mesh_patterns.importers.notes import Notes, listed
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError


def check_order(services: Mapping[str, Node], told: Collection[str], notes: Notes) -> None:
    """Tell of components that wait for others, if they are among those ``told`` of.

    Raises:
        DocumentError: they wait for each other in a circle, which Meshery refuses too.
    """
    names = _by_name(services)
    waits: dict[str, list[str]] = {}
    for key, node in services.items():
        for other in _after(node):
            known = names.get(other.text())
            if known is None and key in told:
                message = f"{key!r} depends on {other.text()!r}, which is not in this file"
                notes.warn(other.place, message)
            elif known is not None:
                waits.setdefault(key, []).append(known)
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        circle = " → ".join(error.args[1])
        place = services[error.args[1][0]].place
        raise DocumentError.at(place, f"components depend on each other: {circle}") from error
    waiting = [key for key in waits if key in told]
    if waiting:
        first = services[waiting[0]]
        message = f"dependsOn of {listed(waiting)}: everything starts together"
        notes.warn(first.key or first.place, message)


def _by_name(services: Mapping[str, Node]) -> dict[str, str]:
    """Keys by key and by name: Meshery's own plans mix the two."""
    named = [(node.get("name"), key) for key, node in services.items()]
    found = {name.text(): key for name, key in named if name and name.value is not None}
    return {**found, **{key: key for key in services}}


def _after(node: Node) -> Iterable[Node]:
    found = node.get("dependsOn")
    return found.elements() if found else ()
