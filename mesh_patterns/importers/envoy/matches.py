"""Which requests a route is about.

A condition that we have no word for makes the whole route one that we can't take: without it the
route would be about more than it says.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
"""

from __future__ import annotations

import re
from typing import Any

from mesh_patterns.importers.envoy.message import Message
from mesh_patterns.importers.envoy.values import percent, text_match
from mesh_yaml.node import Node

Made = dict[str, Any]

_PSEUDO = {":method": "method", ":authority": "host", "host": "host", ":scheme": "scheme"}
_OLD = {
    "exact_match": "exact", "prefix_match": "prefix", "suffix_match": "suffix",
    "contains_match": "contains",
}  # fmt: skip
_GRPC = {"prefix": "application/grpc"}


class Untold(Exception):
    """A condition that we have no word for: ``what``."""


def match(message: Message) -> Made:
    """A ``RouteMatch`` as ours.

    Raises:
        Untold: it says something that ours can't.
    """
    made: Made = {}
    path = _path(message)
    if path is not None:
        made["path"] = path
    if message.get("case_sensitive") is not None and not message.flag("case_sensitive"):
        made["ignore_case"] = True
    for header in message.parts("headers"):
        _put(made, *_header(header))
    if message.get("grpc") is not None:
        _put(made, "content-type", dict(_GRPC))
    for parameter in message.parts("query_parameters"):
        name = parameter.text("name")
        made.setdefault("query", {})[name] = _parameter(parameter)
    share = percent(message.part("runtime_fraction"), 100.0)
    if share != 100.0:
        made["percent"] = share
    _all_read(message, "match.")
    return made


def _all_read(message: Message, prefix: str) -> None:
    if message.unread:
        raise Untold(f"{prefix}{message.unread[0]}")


def headers(message: Message) -> Made:
    """The ``headers`` of something else than a route, as those of a match of ours.

    Raises:
        Untold: there is more than ours can say.
    """
    made: Made = {}
    for header in message.parts("headers"):
        _put(made, *_header(header))
    if made.keys() - {"headers"}:
        raise Untold("a pseudo-header")
    return dict(made.get("headers", {}))


def _path(message: Message) -> Made | None:
    prefix, separated = message.get("prefix"), message.get("path_separated_prefix")
    if separated is not None:
        return {"separated_prefix": separated}
    if prefix is not None:
        return None if prefix.text() in ("", "/") else _plain("prefix", prefix)
    exact = message.get("path")
    if exact is not None:
        return _plain("exact", exact)
    expression = message.part("safe_regex")
    regex = expression.get("regex") if expression is not None else message.get("regex")
    return None if regex is None else {"regex": regex}


def _plain(kind: str, node: Node) -> Made:
    text = node.text()
    if not text.startswith("/") or re.search("[?#]", text):
        raise Untold(f"a match of the path {text!r}")
    return {kind: node}


def _put(made: Made, name: str, found: Made) -> None:
    """Of two conditions on one header ours can say but one."""
    pseudo = _PSEUDO.get(name)
    where = made if pseudo else made.setdefault("headers", {})
    key = pseudo or name
    if key in where:
        raise Untold(f"two matches of header {name!r}")
    where[key] = found


def _header(message: Message) -> tuple[str, Made]:
    name = message.text("name").lower()
    found = _said(message)
    if message.flag("invert_match"):
        found["invert"] = True
    if message.flag("treat_missing_header_as_empty") and "invert" not in found:
        raise Untold("headers.treat_missing_header_as_empty")
    _all_read(message, "headers.")
    if name.startswith(":") and name not in _PSEUDO:
        raise Untold(f"a match of header {name!r}")
    return name, found


def _parameter(message: Message) -> Made:
    found = _said(message)
    _all_read(message, "query_parameters.")
    return found


def _said(message: Message) -> Made:
    """How a value must look; nothing said is that it is there."""
    matcher = message.part("string_match")
    if matcher is not None:
        found = text_match(matcher)
        if found is None:
            raise Untold("string_match with ignore_case, or of another kind")
        return found
    for theirs, ours in _OLD.items():
        if (node := message.get(theirs)) is not None:
            return {ours: node}
    expression = message.part("safe_regex_match")
    if expression is not None and (regex := expression.get("regex")) is not None:
        return {"regex": regex}
    flag = message.get("present_match")
    return {"present": flag is None or flag.value is True}
