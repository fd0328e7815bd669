"""What a route or a permission asks of a request: path, fields, parameters, methods.

https://developer.hashicorp.com/consul/docs/connect/config-entries/service-router#routes-match
"""

from __future__ import annotations

import re
from typing import Any

from mesh_patterns.importers.fields import elements, needed
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Made = dict[str, Any]
_PATHS = {"pathExact": "exact", "pathPrefix": "prefix", "pathRegex": "regex"}
_KINDS = ("exact", "prefix", "suffix", "contains", "regex", "present")
_KNOWN = (*_PATHS, "header", "queryParam", "methods", "caseInsensitive")
_FIELD = ("name", "invert", "ignoreCase", *_KINDS)


def of_route(node: Node) -> Made:
    """A match of a rule.

    Raises:
        DocumentError: it asks for something that there is not.
    """
    made = read(node)
    methods = made.pop("methods", [])
    if len(methods) == 1:
        made["method"] = methods[0]
    elif methods:
        names = "|".join(re.escape(each.text()) for each in methods)
        made["method"] = {"regex": Node(names, methods[0].place)}
    return made


def read(node: Node) -> Made:
    """``path``, ``headers``, ``query``, ``methods`` and ``ignore_case``, as far as they are said.

    Raises:
        DocumentError: it asks for something that there is not.
    """
    for name, item in node.items():
        if name not in _KNOWN and item.value not in (None, "", (), {}):
            place = item.key or item.place
            raise DocumentError.at(place, f"unknown match {name!r}{suggest(name, _KNOWN)}")
    made = _path(node)
    if (blind := node.get("caseInsensitive")) is not None and blind.value is True:
        made["ignore_case"] = True
    if methods := elements(node, "methods"):
        made["methods"] = [*methods]
    for theirs, ours in (("header", "headers"), ("queryParam", "query")):
        found = {}
        for item in elements(node, theirs):
            name = needed(item, "name", "a match").text()
            found[name.lower() if ours == "headers" else name] = _value(item)
        if found:
            made[ours] = found
    return made


def _path(node: Node) -> Made:
    given = {name: node.get(name) for name in _PATHS}
    said = {name: item for name, item in given.items() if item is not None and item.value}
    if len(said) > 1:
        raise DocumentError.at(node.place, f"at most one of {', '.join(_PATHS)}")
    made = {_PATHS[name]: item for name, item in said.items()}
    return {"path": made} if made and not _is_all(made) else {}


def _is_all(made: Made) -> bool:
    prefix = made.get("prefix")
    return isinstance(prefix, Node) and prefix.value == "/"


def _value(node: Node) -> Made:
    for name, field in node.items():
        if name not in _FIELD and field.value not in (None, False, ""):
            place = field.key or field.place
            raise DocumentError.at(place, f"unknown match {name!r}{suggest(name, _FIELD)}")
    given = {name: item for name in _KINDS if (item := node.get(name)) is not None and item.value}
    if len(given) > 1:
        raise DocumentError.at(node.place, f"expected one of {', '.join(_KINDS)}")
    made: Made = dict(given) or {"present": True}
    if (blind := node.get("ignoreCase")) is not None and blind.value is True:
        raise DocumentError.at(blind.place, "ignoreCase of a field is not known here: use a regex")
    if (other := node.get("invert")) is not None and other.value is True:
        made["invert"] = True
    return made
