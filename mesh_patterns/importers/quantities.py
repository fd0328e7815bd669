"""Weights of backends as Kubernetes quantities."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mesh_patterns.importers.weights import MAX_WEIGHT
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_QUANTITY = re.compile(r"(\d{1,9})(m?)")


def weights(nodes: Iterable[Node]) -> list[int]:
    """Whole numbers, or quantities as of resources: ``900m`` is nine tenths of 1."""
    given = [(each.get("weight") or Node(0, each.place)) for each in nodes]
    read = [_quantity(node) for node in given]
    scale = 1000 if any(milli for _, milli in read) else 1
    numbers = [number if milli else number * scale for number, milli in read]
    for node, number in zip(given, numbers, strict=True):
        if number > MAX_WEIGHT:
            raise DocumentError.at(node.place, f"a weight is at most {MAX_WEIGHT}, got {number}")
    return numbers


def _quantity(node: Node) -> tuple[int, bool]:
    """A number, and whether it is of thousandths."""
    found = _QUANTITY.fullmatch(node.text() if node.value is not None else "0")
    if found is None or isinstance(node.value, bool):
        message = f"a weight is a whole number or one such as 900m, got {node.kind}"
        raise DocumentError.at(node.place, message)
    return int(found[1]), bool(found[2])
