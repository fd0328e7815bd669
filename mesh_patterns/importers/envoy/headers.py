"""Header fields that Envoy sets, adds and takes away on a request's way.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers
"""

from __future__ import annotations

import re
from typing import Any

from mesh_patterns.importers.envoy.message import Message
from mesh_yaml.node import Node

_WAYS = ("request", "response")
_OVERWRITES = frozenset({"OVERWRITE_IF_EXISTS_OR_ADD", "2"})
_ADDS = frozenset({"", "APPEND_IF_EXISTS_OR_ADD", "0"})
_COMMAND = re.compile(r"%(?!%)[A-Z_]")  # a value that Envoy fills in

Edits = dict[str, dict[str, Any]]


def edits(*levels: Message) -> Edits:
    """What all levels do together: of a route, its virtual host and its table, in this order."""
    made: Edits = {}
    for level in levels:
        for way in _WAYS:
            of_way = made.setdefault(way, {})
            for option in level.parts(f"{way}_headers_to_add"):
                _add(option, of_way)
            of_way.setdefault("remove", []).extend(level.list(f"{way}_headers_to_remove"))
    return {way: kept for way, found in made.items() if (kept := _some(found))}


def _some(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value}


def _add(option: Message, made: dict[str, Any]) -> None:
    header = option.part("header")
    if header is None:
        return
    name, value = header.text("key").lower(), header.get("value")
    action = option.word("append_action")
    overwrites = option.get("append") is not None and not option.flag("append")
    option.ignore("keep_empty_value")
    option.rest("headers_to_add.")
    if not (overwrites or action in _OVERWRITES or action in _ADDS):
        option.left_out(f"headers_to_add with append_action {action}")
    elif value is not None and _COMMAND.search(value.text()):
        option.left_out("headers_to_add: a value with command operators", value)
    else:
        kind = "set" if overwrites or action in _OVERWRITES else "add"
        text = "" if value is None else value.text().replace("%%", "%")
        made.setdefault(kind, {}).setdefault(name, Node(text, option.node.place))
