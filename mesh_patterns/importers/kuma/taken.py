"""Values of Kuma's configurations, under our names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mesh_patterns.importers.kuma.world import Source
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError


def taken(node: Node | None, names: Mapping[str, str]) -> dict[str, Any]:
    """Those that are there."""
    found = {} if node is None else {ours: node.get(theirs) for theirs, ours in names.items()}
    return {name: value for name, value in found.items() if value is not None and value.value != ""}


def leftovers(node: Node, known: Iterable[str], source: Source, prefix: str = "") -> None:
    """Tell what of a configuration is not taken."""
    source.notes.leftovers(node, known, source.owner, prefix)


def number(node: Node | None) -> float | None:
    """An ``IntOrString``: a number, or one with decimals as text.

    Raises:
        DocumentError: it is none.
    """
    if node is None or node.value is None:
        return None
    try:
        return float(node.text().removesuffix("%"))
    except ValueError:
        raise DocumentError.at(node.place, f"expected a number, got {node.kind}") from None


def is_on(node: Node | None, name: str) -> bool:
    """Whether a part is there, and not disabled."""
    part = node.get(name) if node is not None else None
    off = part.get("disabled") if part is not None else None
    return part is not None and part.value is not None and not (off is not None and off.value)
