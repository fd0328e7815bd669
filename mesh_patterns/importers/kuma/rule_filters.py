"""Filters of a MeshHTTPRoute. They are the Gateway API's, but for whom a mirror is sent to.

https://kuma.io/docs/latest/policies/meshhttproute/#filters
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mesh_patterns.importers.fields import needed, text
from mesh_patterns.importers.gateway_api import filters, world
from mesh_patterns.importers.gateway_api.routes import Route
from mesh_patterns.importers.kuma import names
from mesh_patterns.importers.kuma.world import Source
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

_KINDS = (
    "RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite",
    "RequestMirror",
)  # fmt: skip


def read(nodes: Iterable[Node], prefix: str | None, source: Source) -> dict[str, Any]:
    """What filters do, as settings of a rule of ours. ``prefix`` is what the match takes of a path.

    Raises:
        DocumentError: a filter is of no known type, or lacks what it needs.
    """
    others: list[Node] = []
    mirrors: list[Node] = []
    for node in nodes:
        kind = needed(node, "type", "a filter")
        if kind.text() not in _KINDS:
            message = f"unknown filter {kind.text()!r}{suggest(kind.text(), _KINDS)}"
            raise DocumentError.at(kind.place, message)
        (mirrors if kind.text() == "RequestMirror" else others).append(node)
    like = world.Source(source.object, world.World(source.world.catalog, source.notes))
    made: dict[str, Any] = filters.read(others, prefix, Route(like))
    if mirrors:
        made["mirror"] = [_mirror(node, source) for node in mirrors]
    return made


def _mirror(node: Node, source: Source) -> dict[str, Any]:
    body = needed(node, "requestMirror", "a filter of type RequestMirror")
    source.notes.leftovers(body, ("percentage", "backendRef"), source.owner, "requestMirror.")
    ref = needed(body, "backendRef", "a mirror")
    made: dict[str, Any] = {"to": names.targets(ref, source)[0]}
    if text(body, "percentage"):
        made["percent"] = needed(body, "percentage", "a mirror")
    return made
