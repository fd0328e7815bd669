"""Values of mappings that other people wrote: what is there, what is by default, what has to be."""

from __future__ import annotations

import math

from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError


def text(node: Node, name: str, otherwise: str = "") -> str:
    """A text of a mapping, or what it is by default."""
    found = node.get(name)
    return found.text() if found is not None and found.value is not None else otherwise


def needed(node: Node, name: str, what: str) -> Node:
    """What has to be there.

    Raises:
        DocumentError: it is not.
    """
    found = node.get(name)
    if found is None or found.value is None:
        raise DocumentError.at(node.place, f"{what} has no {name!r}")
    return found


def whole_number(node: Node, wanted: str, low: float = -math.inf, high: float = math.inf) -> int:
    """A whole number from ``low`` to ``high``.

    Raises:
        DocumentError: it is none: ``wanted``, and what came.
    """
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise DocumentError.at(node.place, f"{wanted}, got {node.kind}")


def elements(node: Node, name: str) -> tuple[Node, ...]:
    """The elements of a list in a mapping; none if it is not there."""
    found = node.get(name)
    return found.elements() if found is not None else ()
