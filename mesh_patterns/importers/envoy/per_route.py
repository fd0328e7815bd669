"""What routes and virtual hosts say to filters that are there for all of a listener.

The nearest one that says something to a filter decides: a route before its virtual host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mesh_patterns.importers.envoy.filters import cors, fault
from mesh_patterns.importers.envoy.message import Message, opened

Made = dict[str, Any]

# by type, the setting of a rule that it is, and what reads it
_READERS: Mapping[str, tuple[str, Callable[[Message], Made]]] = {
    "CorsPolicy": ("cors", cors.policy),
    "HTTPFault": ("fault", fault.options),
}


def settings(*levels: Message) -> Made:
    """The settings of a rule; ``levels`` are the route and those above it, the nearest first."""
    found: dict[str, Made] = {}
    for level in levels:
        for setting, made in _said(level):
            found.setdefault(setting, made)
    return {name: value for name, value in found.items() if value}


def _said(level: Message) -> Iterator[tuple[str, Made]]:
    for name, node in level.entries("typed_per_filter_config"):
        kind, content = opened(level.within(node))
        if kind == "FilterConfig" and (held := content.part("config")) is not None:
            kind, content = opened(held)
        reader = _READERS.get(kind)
        if reader is None:
            content.left_out(f"typed_per_filter_config of {name}")
        else:
            yield reader[0], reader[1](content)
    old = level.part("cors")
    if old is not None:
        yield "cors", cors.policy(old)
