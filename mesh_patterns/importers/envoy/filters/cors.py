"""What a listener, a virtual host or a route lets pages of other origins do."""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.envoy.message import Message
from mesh_patterns.importers.envoy.values import percent, text_match
from mesh_yaml.node import Node

_LISTS = {"allow_methods": "methods", "allow_headers": "headers", "expose_headers": "expose"}


def policy(message: Message) -> dict[str, Any]:
    """``cors`` of a rule; nothing where it is switched off."""
    origins: list[Any] = []
    for match in message.parts("allow_origin_string_match"):
        found = text_match(match)
        if found is None:
            match.left_out("allow_origin_string_match of a kind that we have not")
        else:
            origins.append(_any(found))
    origins += message.list("allow_origin")
    made: dict[str, Any] = {"origins": origins}
    for theirs, ours in _LISTS.items():
        if (found_list := message.get(theirs)) is not None:
            made[ours] = [Node(t.strip(), found_list.place) for t in found_list.text().split(",")]
    if (age := message.get("max_age")) is not None:
        made["max_age"] = Node(f"{age.text()}s", age.place)
    if message.flag("allow_credentials"):
        made["credentials"] = True
    enabled = percent(message.part("filter_enabled"), 100.0)
    message.ignore("@type", "shadow_enabled")
    message.rest("CorsPolicy.")
    return made if origins and enabled else {}


def _any(match: dict[str, Any]) -> Any:
    """Old files say "everybody" as an exact ``*``."""
    exact = match.get("exact")
    return exact if exact is not None and exact.text() == "*" else match
