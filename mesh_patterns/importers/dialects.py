"""Which dialect a document speaks, and the one table of importers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mesh_patterns.importers import Imported
from mesh_patterns.node import Node
from mesh_patterns.place import Problem

Importer = Callable[[Sequence[Node]], Imported]

# dialect → what turns all documents of that dialect, together, into one tree of ours
IMPORTERS: Mapping[str, Importer] = {}


@dataclass(frozen=True, slots=True)
class Converted:
    trees: tuple[Node, ...] = ()
    warnings: tuple[Problem, ...] = ()


def dialect(document: Node) -> str | None:
    """``meshery``, ``kubernetes`` or ``None`` for our own language."""
    if document.get("apiVersion") and document.get("kind"):
        return "kubernetes"
    if document.get("services") and not document.get("mesh"):
        return "meshery"
    return None


def is_foreign(document: Node) -> bool:
    return dialect(document) is not None


def convert(documents: Sequence[Node]) -> Converted:
    """All foreign documents, each dialect's together, as trees of our language."""
    found = [
        IMPORTERS[name](group)
        for name in IMPORTERS
        if (group := [document for document in documents if dialect(document) == name])
    ]
    warnings = tuple(problem for imported in found for problem in imported.warnings)
    return Converted(tuple(imported.tree for imported in found), warnings)
