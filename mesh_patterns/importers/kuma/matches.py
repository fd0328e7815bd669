"""Matches of a MeshHTTPRoute and of a MeshGatewayRoute: as ours, and how they are ranked.

https://kuma.io/docs/latest/policies/meshhttproute/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.gateway_api.matches import Ranked, check
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Made = dict[str, Any]
_KINDS = {"Exact": "exact", "PathPrefix": "prefix", "RegularExpression": "regex"}
_OLD = {"EXACT": "exact", "PREFIX": "prefix", "REGEX": "regex"}
_TEXTS: Mapping[str, Callable[[Node], Any]] = {
    "exact": lambda node: {"exact": needed(node, "value", "a match")},
    "regularexpression": lambda node: {"regex": needed(node, "value", "a match")},
    "regex": lambda node: {"regex": needed(node, "value", "a match")},
    "prefix": lambda node: {"prefix": needed(node, "value", "a match")},
    "present": lambda node: {"present": True},
    "absent": lambda node: {"present": False},
}
_RANKS = {"exact": 2, "prefix": 1, "regex": 0}


def of_policy(node: Node) -> Ranked:
    """A match of a MeshHTTPRoute. What is longer or asks for more comes first.

    Raises:
        DocumentError: it asks for something that there is not.
    """
    check(node, ("path", "method", "headers", "queryParams"))
    path = node.get("path") or Node(None, node.place)
    return _match(node, _path(path, "type", _KINDS, "Exact"), "queryParams", "type")


def of_gateway(node: Node) -> Ranked:
    """A match of a MeshGatewayRoute.

    Raises:
        DocumentError: it asks for something that there is not.
    """
    check(node, ("path", "method", "headers", "queryParameters", "query_parameters"))
    path = node.get("path") or Node(None, node.place)
    query = "query_parameters" if node.get("query_parameters") else "queryParameters"
    return _match(node, _path(path, "match", _OLD, "EXACT"), query, "match")


def _match(node: Node, path: tuple[int, int, Made], query: str, by: str) -> Ranked:
    kind, length, made = path
    method = node.get("method")
    if method is not None and method.value is not None:
        made["method"] = method
    headers, parameters = _texts(node, "headers", by), _texts(node, query, by)
    if headers:
        made["headers"] = {name.lower(): found for name, found in headers.items()}
    if parameters:
        made["query"] = parameters
    rank = (kind, length, int("method" in made), len(headers), len(parameters))
    return Ranked(made, rank, node)


def _path(node: Node, by: str, kinds: Mapping[str, str], otherwise: str) -> tuple[int, int, Made]:
    """Its kind and length for the rank, and what it is as ours; a prefix is of whole segments."""
    if node.value is None:  # which Kuma takes for any, as the prefix /
        return _RANKS["prefix"], 1, {}
    given = text(node, by, otherwise)
    value = needed(node, "value", "a path")
    kind = kinds.get(given)
    if kind is None:
        place = (node.get(by) or node).place
        raise DocumentError.at(place, f"unknown type {given!r}{suggest(given, kinds)}")
    length = len(value.text())
    if kind != "prefix":
        return _RANKS[kind], length, {"path": {kind: value}}
    prefix = re.sub("/+$", "", value.text())
    made: Made = {"path": {"separated_prefix": Node(prefix, value.place)}} if prefix else {}
    return _RANKS[kind], length, made


def _texts(node: Node, name: str, by: str) -> Made:
    found: Made = {}
    for item in elements(node, name):
        own = needed(item, "name", "a match").text()
        given = text(item, by, "Exact")
        made = _TEXTS.get(given.lower())
        if made is None:
            place = (item.get(by) or item).place
            raise DocumentError.at(place, f"unknown type {given!r}{suggest(given, _TEXTS)}")
        if own.lower() in map(str.lower, found):
            message = f"{own!r} is matched twice: one of the two would be left out"
            raise DocumentError.at(item.place, message)
        found[own] = made(item)
    return found
