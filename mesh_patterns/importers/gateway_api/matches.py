"""matches of an HTTPRoute: as ours, and how they are ranked.

https://gateway-api.sigs.k8s.io/reference/spec/#httproutematch
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.fields import elements, needed, text
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Made = dict[str, Any]
_PREFIX, _REGEX, _EXACT = range(3)  # of an expression the spec says nothing; Envoy Gateway's order
_KNOWN = ("path", "method", "headers", "queryParams")
TEXTS = {"Exact": "exact", "RegularExpression": "regex"}


@dataclass(frozen=True, slots=True)
class Ranked:
    """A match as ours is (nothing: of all requests); of two that hold the larger rank wins."""

    made: Made
    rank: tuple[int, ...]
    place: Node


def of_rule(rule: Node) -> list[Ranked]:
    """The matches of an HTTPRoute's rule; without any it is for all requests."""
    return [match(node) for node in elements(rule, "matches")] or [match(Node(None, rule.place))]


def match(node: Node) -> Ranked:
    """One match.

    Raises:
        DocumentError: it asks for something that there is not.
    """
    check(node, _KNOWN)
    kind, length, made = _path(node.get("path") or Node(None, node.place))
    method = node.get("method")
    if method is not None and method.value is not None:
        made["method"] = method
    headers, query = (fields(node.get(name)) for name in ("headers", "queryParams"))
    if headers:
        made["headers"] = {name.lower(): found for name, found in headers.items()}
    if query:
        made["query"] = query
    rank = (kind, length, int("method" in made), len(headers), len(query))
    return Ranked(made, rank, node)


def check(node: Node, known: Iterable[str]) -> None:
    """That a match asks for nothing that nobody here looks at: it would hold too often."""
    for name, item in node.items():
        if name not in known and item.value not in (None, (), {}):
            place = item.key or item.place
            raise DocumentError.at(place, f"unknown match {name!r}{suggest(name, known)}")


def _path(node: Node) -> tuple[int, int, Made]:
    """Its kind and length for the rank, and what it is as ours."""
    kind, value = text(node, "type", "PathPrefix"), text(node, "value", "/")
    place = node.get("value") or node
    if kind == "RegularExpression":
        return _REGEX, len(value), {"path": {"regex": Node(value, place.place)}}
    if kind == "Exact":
        return _EXACT, len(value), {"path": {"exact": Node(value, place.place)}}
    if kind != "PathPrefix":
        raise _unknown(node, kind, ("Exact", "PathPrefix", "RegularExpression"))
    prefix = value.rstrip("/")
    if not prefix:
        return _PREFIX, 1, {}
    return _PREFIX, len(prefix), {"path": {"separated_prefix": Node(prefix, place.place)}}


def fields(node: Node | None) -> Made:
    """Matches of headers or parameters, by name; of two of one name the first counts."""
    found: Made = {}
    seen: set[str] = set()
    for item in node.elements() if node is not None else ():
        name = needed(item, "name", "a match").text()
        if name.lower() in seen:
            continue
        seen.add(name.lower())
        kind = text(item, "type", "Exact")
        if kind not in TEXTS:
            raise _unknown(item, kind, TEXTS)
        found[name] = {TEXTS[kind]: needed(item, "value", f"the match of {name!r}")}
    return found


def _unknown(node: Node, kind: str, known: Iterable[str]) -> DocumentError:
    place = (node.get("type") or node).place
    return DocumentError.at(place, f"unknown type {kind!r}{suggest(kind, known)}")
