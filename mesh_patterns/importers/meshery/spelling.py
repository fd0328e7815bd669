"""Keys as Meshery shows them to people (``container Port``), and as Kubernetes spells them.

The one file may use both. Only keys are respelled, and only where they are the format's own: the
keys of labels, annotations, selectors and configuration data belong to whoever wrote them.
"""

from __future__ import annotations

from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_THEIRS = frozenset(
    {
        "labels", "annotations", "matchLabels", "nodeSelector", "data", "stringData", "binaryData",
        "configData", "headers", "withoutHeaders", "queryParams",
    }
)  # fmt: skip
_OF_SELECTORS = frozenset({"matchLabels", "matchExpressions"})


def respell(node: Node) -> Node:
    """``node`` with its keys as Kubernetes spells them.

    Raises:
        DocumentError: one mapping has a key in both spellings.
    """
    if isinstance(node.value, tuple):
        return Node(tuple(respell(item) for item in node.value), node.place, node.key)
    if not isinstance(node.value, dict):
        return node
    found: dict[str, Node] = {}
    for written, item in node.value.items():
        name = written.replace(" ", "")
        if name in found:
            at = item.key or item.place
            raise DocumentError.at(at, f"key {name!r} comes twice, first at {found[name].key}")
        found[name] = _value(name, item)
    return Node(found, node.place, node.key)


def _value(name: str, item: Node) -> Node:
    if name in _THEIRS:
        return item
    if name == "selector" and isinstance(item.value, dict):
        return _selector(item.value, item)
    return respell(item)


def _selector(pairs: dict[str, Node], item: Node) -> Node:
    """A Service's selector holds labels, a Deployment's holds ``matchLabels``."""
    found: dict[str, Node] = {}
    for written, value in pairs.items():
        name = written.replace(" ", "")
        ours = name in _OF_SELECTORS
        found[name if ours else written] = _value(name, value) if ours else value
    return Node(found, item.place, item.key)
