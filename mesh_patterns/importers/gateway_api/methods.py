"""matches of a GRPCRoute: services and methods, which are paths of requests.

https://gateway-api.sigs.k8s.io/reference/spec/#grpcroutematch
"""

from __future__ import annotations

from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.gateway_api.matches import Made, Ranked, check, fields
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

_ANY = "[^/]+"
_TYPES = ("Exact", "RegularExpression")


def of_rule(rule: Node) -> list[Ranked]:
    """The matches of a GRPCRoute's rule; without any it is for all calls."""
    return [match(node) for node in elements(rule, "matches")] or [match(Node(None, rule.place))]


def match(node: Node) -> Ranked:
    """One match.

    Raises:
        DocumentError: it asks for something that there is not.
    """
    check(node, ("method", "headers"))
    called = node.get("method") or Node(None, node.place)
    service, method = text(called, "service"), text(called, "method")
    headers = fields(node.get("headers"))
    made = _path(called, service, method)
    if headers:
        made["headers"] = {name.lower(): found for name, found in headers.items()}
    return Ranked(made, (len(service), len(method), len(headers)), node)


def _path(node: Node, service: str, method: str) -> Made:
    kind = text(node, "type", "Exact")
    if kind not in _TYPES:
        place = (node.get("type") or node).place
        raise DocumentError.at(place, f"unknown type {kind!r}{suggest(kind, _TYPES)}")
    if not service and not method:
        return {}
    if kind == "RegularExpression":
        return {"path": {"regex": Node(f"/{service or _ANY}/{method or _ANY}", node.place)}}
    if not service:
        return {"path": {"regex": Node(f"/{_ANY}/{method}", node.place)}}
    if not method:
        return {"path": {"prefix": Node(f"/{service}/", node.place)}}
    return {"path": {"exact": Node(f"/{service}/{method}", node.place)}}
