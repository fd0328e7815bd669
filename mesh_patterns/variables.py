"""``vars:`` and ``${name}``: values that a file names once and others may set."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

_REFERENCE = re.compile(r"\$\$|\$\{([^}]*)\}")


def substitute(node: Node, variables: Mapping[str, Node]) -> Node:
    """``node`` with each ``${name}`` replaced; ``$$`` stands for one dollar sign.

    A value that is nothing but one reference takes the variable's type, so ``weight: ${share}``
    stays a number.

    Raises:
        DocumentError: there is no such variable, or a list or mapping stands in a text.
    """
    value = node.value
    if isinstance(value, dict):
        changed = {name: substitute(item, variables) for name, item in value.items()}
        return Node(changed, node.place, node.key)
    if isinstance(value, tuple):
        return Node(tuple(substitute(item, variables) for item in value), node.place, node.key)
    if not isinstance(value, str) or "$" not in value:
        return node
    whole = _REFERENCE.fullmatch(value)
    if whole and whole[1] is not None:
        return Node(_look_up(whole[1], variables, node).value, node.place, node.key)
    return Node(_fill(value, variables, node), node.place, node.key)


def escape(text: str) -> str:
    """A text that stands for ``text``, whatever references it seems to hold."""
    return text.replace("$", "$$") if _REFERENCE.search(text) else text


def _fill(text: str, variables: Mapping[str, Node], node: Node) -> str:
    def one(match: re.Match[str]) -> str:
        return "$" if match[1] is None else _look_up(match[1], variables, node).text()

    return _REFERENCE.sub(one, text)


def _look_up(name: str, variables: Mapping[str, Node], node: Node) -> Node:
    found = variables.get(name.strip())
    if found is None:
        hint = suggest(name.strip(), variables) or "; '$${' stands for a literal '${'"
        message = f"no variable {name.strip()!r}{hint}"
        raise DocumentError.at(node.place, message)
    return found
