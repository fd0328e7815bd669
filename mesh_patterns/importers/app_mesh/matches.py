"""Matches of routes and of gateway routes, as ours, and how they are ranked.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpRouteMatch.html
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.app_mesh.world import Source
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.gateway_api.matches import Ranked, check
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
_TEXTS = ("exact", "prefix", "suffix", "regex")
_EXACT, _PREFIX, _REGEX = 2, 1, 0
_HTTP = ("prefix", "path", "method", "scheme", "headers", "queryParameters", "hostname", "port")
_GRPC = ("serviceName", "methodName", "metadata", "hostname", "port")


def of_http(node: Node, source: Source) -> Ranked:
    """A match of an HTTP route; a prefix is one of characters, not of segments.

    Raises:
        DocumentError: it asks for something that there is not.
    """
    check(node, _HTTP)
    _tell_port(node, source)
    kind, length, made = _path(node)
    for name in ("method", "scheme"):
        if text(node, name):
            made[name] = needed(node, name, "a match")
    query = {
        needed(each, "name", "a parameter").text(): _text(each.find("match"), each)
        for each in elements(node, "queryParameters")
    }
    if query:
        made["query"] = query
    headers = _headers(node, "headers")
    made |= {"headers": headers} if headers else {}
    return Ranked(made, (kind, length, len(headers), len(query)), node)


def of_grpc(node: Node, source: Source) -> Ranked:
    """A match of a gRPC route: a service or a method of it.

    Raises:
        DocumentError: as :func:`of_http`.
    """
    check(node, _GRPC)
    _tell_port(node, source)
    made: Made = {}
    service, method = text(node, "serviceName"), text(node, "methodName")
    if method and not service:
        raise DocumentError.at(node.place, "a methodName goes with a serviceName")
    if service:
        path = {"exact": f"/{service}/{method}"} if method else {"prefix": f"/{service}/"}
        made["path"] = path
    headers = _headers(node, "metadata")
    made |= {"headers": headers} if headers else {}
    rank = (_EXACT if method else _PREFIX, len(service), len(headers), 0)
    return Ranked(made, rank, node)


def _tell_port(node: Node, source: Source) -> None:
    if node.get("port") is not None:
        source.approximate("match.port: a service has one port", node.find("port"))


def _path(node: Node) -> tuple[int, int, Made]:
    prefix, path = node.get("prefix"), node.get("path")
    if path is not None and path.value is not None:
        if (exact := path.get("exact")) is not None:
            return _EXACT, len(exact.text()), {"path": {"exact": exact}}
        regex = needed(path, "regex", "a path without 'exact'")
        return _REGEX, len(regex.text()), {"path": {"regex": regex}}
    if prefix is None or prefix.text() in ("", "/"):
        return _PREFIX, 1, {}
    return _PREFIX, len(prefix.text()), {"path": {"prefix": prefix}}


def _headers(node: Node, name: str) -> Made:
    found: Made = {}
    for each in elements(node, name):
        own = needed(each, "name", "a header").text().lower()
        if own in found:
            message = f"{own!r} is matched twice: one of the two would be left out"
            raise DocumentError.at(each.place, message)
        match = each.get("match")
        invert = each.get("invert")
        inverted = invert is not None and invert.value is True
        if match is None or not match.value:
            found[own] = {"present": not inverted}
        else:
            found[own] = _text(match, each) | ({"invert": True} if inverted else {})
    return found


def _text(match: Node, node: Node) -> Made:
    for name in _TEXTS:
        if (value := match.get(name)) is not None:
            return {name: value}
    if match.get("range") is not None:
        raise DocumentError.at(match.place, "a range of numbers can't be matched here")
    raise DocumentError.at(node.place, f"expected a match by one of {', '.join(_TEXTS)}")
