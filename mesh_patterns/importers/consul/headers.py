"""requestHeaders and responseHeaders: fields that are added, set and removed.

https://developer.hashicorp.com/consul/docs/connect/config-entries/service-router
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.consul.world import Source
from mesh_patterns.importers.fields import elements
from mesh_yaml.node import Node

_WAYS = {"requestHeaders": "request", "responseHeaders": "response"}


def edits(node: Node, source: Source) -> dict[str, Any] | None:
    """Both ways, as ours; ``None`` where nothing is said."""
    made: dict[str, Any] = {}
    for theirs, ours in _WAYS.items():
        given = node.get(theirs)
        if given is None or not given.value:
            continue
        source.notes.leftovers(given, ("add", "set", "remove"), source.owner, f"{theirs}.")
        own: dict[str, Any] = {}
        for action in ("set", "add"):
            fields = given.get(action)
            if fields is not None and fields.value:
                own[action] = {name.lower(): item for name, item in fields.items()}
        if removed := list(elements(given, "remove")):
            own["remove"] = removed
        if own:
            made[ours] = own
    return made or None
