"""Other people's files, turned into our language: one module per dialect.

An importer takes YAML documents and gives a tree of our own language made of their nodes, so every
value still knows the line that somebody else's file has it on. What it ignored or approximated
comes with it, as warnings: nothing disappears silently.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesh_patterns.node import Node
from mesh_patterns.place import Problem


@dataclass(frozen=True, slots=True)
class Imported:
    """``tree`` is a whole pattern file (``mesh``, ``patterns``); ``warnings`` are for people."""

    tree: Node
    warnings: tuple[Problem, ...] = ()
