"""Meshery's newer designs, v1beta1 to v1beta3: components with a configuration, and relationships.

A component here is a component of v1alpha2 in other words, so it becomes one: then both forms mean
the same. https://github.com/meshery/schemas, constructs/v1beta1/design and v1beta3/design
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Link
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

SCHEMAS = ("v1beta1", "v1beta2", "v1beta3")
_SCHEMA = "designs.meshery.io/"
_KNOWN = (
    "id", "name", "schemaVersion", "version", "metadata", "preferences", "components",
    "relationships",
)  # fmt: skip
_CALLS = frozenset(
    {"", "network", "annotation"}
)  # subtypes of edges that somebody drew for traffic
_GONE = frozenset({"deleted", "ignored"})
_OF_OBJECT = ("apiVersion", "kind", "metadata", "status")  # of a configuration that is no spec


def check(document: Node, notes: Notes) -> None:
    """Tell what a design has beyond what is known.

    Raises:
        DocumentError: its schema is of something else.
    """
    schema = document.get("schemaVersion")
    text = schema.text() if schema is not None and schema.value is not None else ""
    if schema is not None and not text.startswith(_SCHEMA):
        message = (
            f"has components, but its schemaVersion is {text!r}, expected {_SCHEMA}{SCHEMAS[-1]}"
        )
        raise DocumentError.at(schema.place, message)
    if schema is not None and text.removeprefix(_SCHEMA) not in SCHEMAS:
        notes.warn(schema.place, f"{text} is read as {SCHEMAS[-1]}")
    notes.leftovers(document, _KNOWN, "the design")


def components(document: Node, notes: Notes) -> Iterator[tuple[str, Node]]:
    """The components by their ids, as v1alpha2 would have them; what is only drawn is told."""
    found = document.get("components")
    for number, node in enumerate(found.elements() if found is not None else ()):
        if _flag(node, "metadata", "isAnnotation"):
            notes.ignore("annotation", node.place)
            continue
        yield _text(node, "id") or f"component {number + 1}", _component(node)


def _component(node: Node) -> Node:
    kind = node.find("component", "kind")
    configuration = node.get("configuration") or Node(None, node.place)
    metadata = configuration.get("metadata") or Node(None, node.place)
    name = metadata.get("name") or node.get("displayName")
    made: dict[str, Any] = {
        "type": Node(_text(node, "component", "kind") or None, kind.place),
        "model": _text(node, "model", "name"),
        "apiVersion": _text(node, "component", "version"),
        "id": _text(node, "displayName"),
        "settings": _settings(configuration),
    }
    parts = {
        "name": name,
        "namespace": metadata.get("namespace") or configuration.get("namespace"),
        "labels": metadata.get("labels"),
        "annotations": metadata.get("annotations"),
        "dependsOn": node.find("metadata").get("dependsOn"),
    }
    made |= {
        key: part for key, part in parts.items() if part is not None and part.value is not None
    }
    at = name.place if name is not None else node.place
    return Node(Node.of(made, at).value, at, at)


def _settings(configuration: Node) -> Node:
    """The configuration, whose ``spec`` counts; of one that has none, what is left of it."""
    if configuration.get("spec") is not None or not isinstance(configuration.value, dict):
        return configuration
    inner = {name: item for name, item in configuration.value.items() if name not in _OF_OBJECT}
    return Node(inner, configuration.place)


def links(document: Node, scope: str, notes: Notes) -> Iterator[Link]:
    """The edges that requests take, from component to component."""
    found = document.get("relationships")
    for each in found.elements() if found is not None else ():
        if _text(each, "kind") != "edge" or _text(each, "status") in _GONE:
            continue
        subtype = _text(each, "subType").lower()
        if subtype not in _CALLS:
            what = f"an edge of subType {subtype!r} is none of calls"
            notes.approximate(what, each.place, "relationships")
            continue
        selectors = each.get("selectors")
        for selector in selectors.elements() if selectors is not None else ():
            yield from _ends(selector, scope)


def _ends(selector: Node, scope: str) -> Iterator[Link]:
    allowed = selector.get("allow") or Node(None, selector.place)
    sides = (allowed.get("from"), allowed.get("to"))
    sources, targets = (side.elements() if side is not None else () for side in sides)
    for source in sources:
        for target in targets:
            ends = (_text(source, "id"), _text(target, "id"))
            if all(ends):
                yield Link(*ends, target.place, scope)


def _text(node: Node, *path: str) -> str:
    found: Node | None = node
    for step in path:
        found = found.get(step) if found is not None else None
    return found.text() if found is not None and found.value is not None else ""


def _flag(node: Node, *path: str) -> bool:
    return _text(node, *path) == "true"
