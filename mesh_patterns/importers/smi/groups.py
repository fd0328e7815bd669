"""HTTPRouteGroup: requests by path, method and headers, each match under a name.

Expressions of headers are of the whole value, those of paths of its beginning. One that is a plain
text is no expression here, so that it is the same as in other dialects.
https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-specs
"""

from __future__ import annotations

import re
from typing import Any

from mesh_patterns.importers.expressions import PLAIN, whole
from mesh_patterns.importers.fields import elements, needed
from mesh_patterns.importers.smi.world import Source
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
_KNOWN = ("name", "pathRegex", "methods", "headers")


def read(source: Source) -> dict[str, list[Made]]:
    """The group's matches, by name: each as several of ours, of which one is enough.

    Raises:
        DocumentError: a match has no name.
    """
    source.notes.leftovers(source.object.spec, ("matches",), source.owner)
    found: dict[str, list[Made]] = {}
    for node in source.list("matches"):
        name = needed(node, "name", "a match").text()
        source.notes.leftovers(node, _KNOWN, source.owner, "matches.")
        found.setdefault(name, []).append(_match(node))
    return found


def _match(node: Node) -> Made:
    made: Made = {}
    path = node.get("pathRegex")
    if path is not None and path.value is not None:
        made |= _path(path)
    names = elements(node, "methods")
    if names and not any(each.value == "*" for each in names):
        made["methods"] = names
    headers = node.get("headers")
    if headers is not None and headers.value:
        made["headers"] = {name.lower(): whole(item) for name, item in _fields(headers)}
    return made


def _fields(node: Node) -> list[tuple[str, Node]]:
    """A mapping, or a list of such, as some have written it."""
    if isinstance(node.value, tuple):
        return [pair for each in node.value for pair in each.items()]
    return list(node.items())


def _path(node: Node) -> Made:
    """An expression of the path's beginning; nothing where it is for all paths."""
    expression = node.text().removeprefix("^")
    if expression in ("", ".*", "/", "/.*"):
        return {}
    if expression.endswith("$") and not expression.endswith("\\$"):
        whole = expression[:-1]
        plain = PLAIN.fullmatch(whole) and whole.startswith("/")
        return {"path": {"exact" if plain else "regex": Node(whole, node.place)}}
    if PLAIN.fullmatch(expression):
        if not expression.startswith("/"):
            raise DocumentError.at(node.place, f"a path begins with '/', got {expression!r}")
        return {"path": {"prefix": Node(expression, node.place)}}
    return {"path": {"regex": Node(f"(?:{expression}).*", node.place)}}


def as_match(made: Made, place: Node) -> Node:
    """A match of a rule."""
    found = {name: item for name, item in made.items() if name != "methods"}
    methods = made.get("methods", [])
    if len(methods) == 1:
        found["method"] = methods[0]
    elif methods:
        names = "|".join(re.escape(each.text()) for each in methods)
        found["method"] = {"regex": Node(names, methods[0].place)}
    return Node.of(found, place.place)


def as_access(made: Made) -> Made:
    """What an authorization asks of a request."""
    found = {name: item for name, item in made.items() if name != "path"}
    return found | ({"paths": [made["path"]]} if "path" in made else {})
