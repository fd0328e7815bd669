"""``corsPolicy`` of a VirtualService's rule.

https://istio.io/latest/docs/reference/config/networking/virtual-service/#CorsPolicy
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.istio.settings import taken
from mesh_patterns.importers.istio.source import Source
from mesh_yaml.node import Node

_LISTS = {"allowMethods": "methods", "allowHeaders": "headers", "exposeHeaders": "expose"}
_KNOWN = (
    *_LISTS, "allowOrigins", "allowOrigin", "maxAge", "allowCredentials", "unmatchedPreflights"
)  # fmt: skip


def policy(rule: Node, source: Source) -> Node | None:
    """A rule's policy, if it has one that lets anybody in."""
    node = rule.get("corsPolicy")
    if node is None or node.value is None:
        return None
    source.notes.leftovers(node, _KNOWN, source.owner, "corsPolicy.")
    origins = _origins(node)
    if not origins:
        source.approximate("a corsPolicy of no origin allows none", node)
        return None
    fields: dict[str, Any] = {"origins": origins} | taken(node, {"maxAge": "max_age"})
    lists = ((ours, node.get(theirs)) for theirs, ours in _LISTS.items())
    fields |= {ours: found for ours, found in lists if found is not None and found.value}
    credentials = node.get("allowCredentials")
    if credentials is not None and credentials.value is True:
        fields["credentials"] = credentials
    return Node.of(fields, node.place)


def _origins(policy: Node) -> list[Node]:
    """Matches, or the plain texts that went before them; ``*`` is any."""
    matches, texts = policy.get("allowOrigins"), policy.get("allowOrigin")
    found = list(matches.elements()) if matches is not None else []
    found += texts.elements() if texts is not None else ()
    return [_any(each) for each in found]


def _any(origin: Node) -> Node:
    """However any origin is written."""
    if origin.plain() in ("*", {"exact": "*"}, {"regex": ".*"}, {"prefix": ""}):
        return Node("*", origin.place)
    return origin
