"""``$(#ref.vars.x)`` and ``$(#ref.services.y.settings.z)``: values that stand elsewhere.

A reference replaces the whole value that it stands in, and what it leads to must be text, as in
Meshery's own reading (stages/filler.go).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

_REFERENCE = re.compile(r"\$\(#ref\.(?P<path>[^()]+)\)")
_USE = re.compile(r"\$\(#use\s+(?P<url>[^()]+)\)")
MAX_STEPS = 20  # from reference to reference


def reference(text: str) -> tuple[str, ...] | None:
    """The steps of a reference, or ``None`` where there is none."""
    found = _REFERENCE.search(text)
    return tuple(found["path"].strip().split(".")) if found else None


def used(text: str) -> str | None:
    """The address in ``$(#use …)``, or ``None`` where there is none."""
    found = _USE.search(text)
    return found["url"].strip() if found else None


@dataclass(frozen=True, slots=True)
class Scope:
    """What references of one document may lead to."""

    variables: Mapping[str, Node]
    services: Mapping[str, Node]

    def fill(self, node: Node, steps: int = 0) -> Node:
        """``node`` with all references replaced by what they lead to.

        Raises:
            DocumentError: one leads nowhere, to something that is no text, or in a circle.
        """
        if isinstance(node.value, dict):
            filled = {name: self.fill(item) for name, item in node.value.items()}
            return Node(filled, node.place, node.key)
        if isinstance(node.value, tuple):
            return Node(tuple(self.fill(item) for item in node.value), node.place, node.key)
        path = reference(node.value) if isinstance(node.value, str) else None
        if path is None:
            return node
        if steps >= MAX_STEPS:
            raise DocumentError.at(node.place, f"references lead in a circle: {node.value}")
        text = Node(self._look_up(path, node).text(), node.place, node.key)
        return self.fill(text, steps + 1)

    def _look_up(self, path: tuple[str, ...], node: Node) -> Node:
        root, name, *rest = (*path, "")
        table = {"vars": self.variables, "services": self.services}.get(root)
        if table is None:
            raise DocumentError.at(
                node.place, f"a reference begins with vars or services: {node.value}"
            )
        # names may hold dots themselves, so the longest one that is there is meant
        for end in range(len(path), 1, -1):
            name, rest = ".".join(path[1:end]), list(path[end:])
            if name in table:
                break
        else:
            hint = suggest(path[1] if len(path) > 1 else "", table)
            raise DocumentError.at(node.place, f"{node.value} leads nowhere{hint}")
        if root == "services" and rest == ["id"]:
            return Node(name, node.place)  # Meshery gives ids later; until then the key is one
        return self._descend(table[name], rest, node)

    def _descend(self, found: Node, rest: list[str], node: Node) -> Node:
        for step in rest:
            inner = found.get(step)
            if inner is None:
                raise DocumentError.at(node.place, f"{node.value} leads nowhere: no {step!r} there")
            found = inner
        return found
