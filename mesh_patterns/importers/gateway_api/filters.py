"""filters of a rule: what is done to requests besides routing them.

https://gateway-api.sigs.k8s.io/reference/spec/#httproutefilter
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mesh_patterns.importers.fields import elements, needed, text, whole_number
from mesh_patterns.importers.gateway_api.backends import status, target
from mesh_patterns.importers.gateway_api.routes import Route
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Made = dict[str, Any]
_PORTS = {"http": 80, "https": 443}


def read(nodes: Iterable[Node], prefix: str | None, route: Route) -> Made:
    """What filters do, as settings of a rule of ours. ``prefix`` is what the rule's one match takes
    of a path, if it is a prefix; ``respond`` is among them if a filter is not to be had.

    Raises:
        DocumentError: a filter is of no known type, or lacks what it needs.
    """
    made: Made = {}
    for node in nodes:
        kind = needed(node, "type", "a filter").text()
        read_one = _FILTERS.get(kind)
        if read_one is None:
            place = needed(node, "type", "a filter").place
            raise DocumentError.at(place, f"unknown filter {kind!r}{suggest(kind, _FILTERS)}")
        _merge(made, read_one(node, prefix, route))
    return made


def _merge(made: Made, more: Made) -> None:
    for name, value in more.items():
        before = made.get(name)
        if isinstance(before, list):
            before.extend(value)
        elif isinstance(before, dict):
            _merge(before, value)
        else:
            made[name] = value


def _body(node: Node, name: str) -> Node:
    return needed(node, name, f"a filter of type {text(node, 'type')}")


def _request_headers(node: Node, prefix: str | None, route: Route) -> Made:
    edits = _edits(_body(node, "requestHeaderModifier"), route)
    host = edits.get("set", {}).pop("host", None)
    made: Made = {"rewrite": {"host": host}} if host is not None else {}
    return made | ({"headers": {"request": edits}} if any(edits.values()) else {})


def _response_headers(node: Node, prefix: str | None, route: Route) -> Made:
    return {"headers": {"response": _edits(_body(node, "responseHeaderModifier"), route)}}


def _edits(node: Node, route: Route) -> Made:
    """Of two entries of one name the first counts."""
    known = ("set", "add", "remove")
    route.source.notes.leftovers(node, known, route.source.owner, "headers.")
    made: Made = {}
    for action in ("set", "add"):
        fields: Made = {}
        for item in elements(node, action):
            name = needed(item, "name", "a header").text().lower()
            fields.setdefault(name, needed(item, "value", f"header {name!r}"))
        if fields:
            made[action] = fields
    if removed := list(elements(node, "remove")):
        made["remove"] = removed
    return made


def _redirect(node: Node, prefix: str | None, route: Route) -> Made:
    body = _body(node, "requestRedirect")
    known = ("scheme", "hostname", "path", "port", "statusCode")
    route.source.notes.leftovers(body, known, route.source.owner, "requestRedirect.")
    names = {"scheme": "scheme", "hostname": "host", "port": "port", "statusCode": "status"}
    made: Made = {"status": 302} | _taken(body, names)
    scheme = text(body, "scheme")
    port = body.get("port")
    if port is not None and port.value == _PORTS.get(scheme):
        del made["port"]  # the scheme's own goes without saying
    made |= _new_path(body, prefix, "path", "prefix")
    if made.keys() == {"status"}:
        # to where it came from, by another method perhaps, as after a form was sent
        made |= {"prefix": prefix} if prefix is not None else {"port": _PORTS["http"]}
    return {"redirect": made}


def _rewrite(node: Node, prefix: str | None, route: Route) -> Made:
    body = _body(node, "urlRewrite")
    known = ("hostname", "path")
    route.source.notes.leftovers(body, known, route.source.owner, "urlRewrite.")
    made = _taken(body, {"hostname": "host"})
    path = _new_path(body, prefix, "full", "path")
    full = path.pop("full", None)
    if full is not None:
        whole = full.text().replace("\\", "\\\\")
        path = {"regex": Node("^.*$", full.place), "substitution": Node(whole, full.place)}
    return {"rewrite": made | path} if made or path else {}


def _new_path(body: Node, prefix: str | None, whole: str, part: str) -> Made:
    """The path instead, or what stands instead of the prefix; ``/`` at its end means nothing."""
    node = body.get("path")
    if node is None or node.value is None:
        return {}
    kind = needed(node, "type", "a path").text()
    if kind == "ReplaceFullPath":
        return {whole: needed(node, "replaceFullPath", "a path")}
    if kind != "ReplacePrefixMatch":
        known = ("ReplaceFullPath", "ReplacePrefixMatch")
        raise DocumentError.at(node.place, f"unknown type {kind!r}{suggest(kind, known)}")
    if prefix is None:
        message = "replacePrefixMatch goes with exactly one match, by PathPrefix"
        raise DocumentError.at(node.place, message)
    given = needed(node, "replacePrefixMatch", "a path")
    text_of = given.text().rstrip("/")
    # of the prefix "/" Envoy takes the slash away too
    return {part: Node(f"{text_of}/" if prefix == "/" or not text_of else text_of, given.place)}


def _mirror(node: Node, prefix: str | None, route: Route) -> Made:
    body = _body(node, "requestMirror")
    known = ("backendRef", "percent", "fraction")
    route.source.notes.leftovers(body, known, route.source.owner, "requestMirror.")
    found = target(needed(body, "backendRef", "a mirror"), route)
    return {"mirror": [{"to": name, **_percent(body)} for name in found[:1]]}


def _percent(body: Node) -> Made:
    fraction = body.get("fraction")
    if fraction is None or fraction.value is None:
        return _taken(body, {"percent": "percent"})
    top, bottom = _number(fraction, "numerator", 0), _number(fraction, "denominator", 100)
    if bottom <= 0 or not 0 <= top <= bottom:
        message = f"expected a part of a whole, got {top} of {bottom}"
        raise DocumentError.at(fraction.place, message)
    return {"percent": Node(100 * top / bottom, fraction.place)}


def _number(node: Node, name: str, otherwise: int) -> int:
    found = node.get(name)
    if found is None or found.value is None:
        return otherwise
    return whole_number(found, "expected a whole number")


def _cors(node: Node, prefix: str | None, route: Route) -> Made:
    body = _body(node, "cors")
    names = {
        "allowOrigins": "origins", "allowMethods": "methods", "allowHeaders": "headers",
        "exposeHeaders": "expose", "allowCredentials": "credentials",
    }  # fmt: skip
    route.source.notes.leftovers(body, {*names, "maxAge"}, route.source.owner, "cors.")
    made = _taken(body, names)
    made["origins"] = [_origin(each) for each in elements(body, "allowOrigins")]
    age = body.get("maxAge")
    seconds = age.value if age is not None and age.value is not None else 5
    made["max_age"] = Node(f"{seconds}s", (age or body).place)
    if not made["origins"]:
        return {}  # nobody is let in, which is as if nothing were said
    return {"cors": made}


def _origin(node: Node) -> Any:
    if "*" not in node.text():
        return node
    return {"regex": Node(".*".join(map(re.escape, node.text().split("*"))), node.place)}


def _refused(node: Node, prefix: str | None, route: Route) -> Made:
    """The spec wants an error where a filter can't be had: who asks may rely on it."""
    answer = status(route)
    route.source.skip(f"a filter of type {text(node, 'type')}: answered with {answer}", node)
    return {"respond": {"status": Node(answer, node.place)}}


def _taken(node: Node, names: Mapping[str, str]) -> Made:
    return {
        ours: found
        for theirs, ours in names.items()
        if (found := node.get(theirs)) is not None and found.value not in (None, "", ())
    }


def for_a_share(nodes: Iterable[Node], route: Route) -> Iterator[Node]:
    """Of filters of one of several backends those that can be for its share alone."""
    for node in nodes:
        kind = text(node, "type")
        if kind in ("RequestHeaderModifier", "ResponseHeaderModifier"):
            yield node
        else:
            route.source.skip(f"a filter of type {kind} of one of several backendRefs", node)


_FILTERS: Mapping[str, Callable[[Node, str | None, Route], Made]] = {
    "RequestHeaderModifier": _request_headers,
    "ResponseHeaderModifier": _response_headers,
    "RequestRedirect": _redirect,
    "URLRewrite": _rewrite,
    "RequestMirror": _mirror,
    "CORS": _cors,
    "ExternalAuth": _refused,
    "ExtensionRef": _refused,
}
