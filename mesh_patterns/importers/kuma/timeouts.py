"""MeshTimeout. https://kuma.io/docs/latest/policies/meshtimeout/"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.kuma.taken import leftovers, taken
from mesh_patterns.importers.kuma.world import Source
from mesh_patterns.protocols import PROTOCOLS
from mesh_yaml.node import Node

_POOL = {"connectionTimeout": "connect_timeout", "idleTimeout": "idle_timeout"}
_HTTP = {"maxConnectionDuration": "max_connection_duration"}


def check(conf: Node, source: Source) -> None:
    """Tell what is left out of it."""
    leftovers(conf, (*_POOL, "http"), source)
    part = conf.get("http") or Node(None, conf.place)
    leftovers(part, ("requestTimeout", *_HTTP), source, "http.")


def after(conf: Node) -> dict[str, Any]:
    """How long an answer may take; nothing where it may take for ever."""
    return _some(taken(conf.get("http"), {"requestTimeout": "after"}))


def pool(conf: Node, entry: Entry) -> dict[str, Any]:
    """How connections are made and how long they live."""
    made = _some(taken(conf, _POOL) | taken(conf.get("http"), _HTTP))
    requests = PROTOCOLS[entry.protocol].requests
    if not requests and entry.protocol not in ("tcp", "tls"):
        return {name: value for name, value in made.items() if name == "connect_timeout"}
    return made


def _some(made: dict[str, Any]) -> dict[str, Any]:
    """Of zero there is no limit."""
    return {name: node for name, node in made.items() if node.text().strip("0hms")}
