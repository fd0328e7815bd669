"""``corsPolicy`` of a VirtualService's rules. Ours is of a whole edge, Istio's of a rule: the first
one's holds for all. https://istio.io/latest/docs/reference/config/networking/virtual-service/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh_patterns.importers.istio.hosts_policies import pattern
from mesh_patterns.importers.istio.settings import taken
from mesh_patterns.importers.istio.source import Source
from mesh_yaml.node import Node

_LISTS = {"allowMethods": "methods", "allowHeaders": "headers", "exposeHeaders": "expose"}
_KNOWN = (
    *_LISTS, "allowOrigins", "allowOrigin", "maxAge", "allowCredentials", "unmatchedPreflights"
)  # fmt: skip


def patterns(on: str, source: Source) -> Iterator[Node]:
    """The pattern of an edge, if one of the rules has such a policy."""
    rules = source.list("http")
    found = [policy for rule in rules if (policy := rule.get("corsPolicy")) is not None]
    if not found:
        return
    first = found[0]
    for other in found[1:]:
        if other.plain() != first.plain():
            source.skip("another corsPolicy than the first", other)
    if len(found) < len(rules):
        source.approximate("corsPolicy: it holds for all rules", first)
    source.notes.leftovers(first, _KNOWN, source.owner, "corsPolicy.")
    origins = _origins(first)
    if not origins:
        source.approximate("a corsPolicy of no origin allows none", first)
        return
    fields: dict[str, Any] = {"origins": origins} | taken(first, {"maxAge": "max_age"})
    lists = ((ours, first.get(theirs)) for theirs, ours in _LISTS.items())
    fields |= {ours: node for ours, node in lists if node is not None and node.value}
    credentials = first.get("allowCredentials")
    if credentials is not None and credentials.value is True:
        fields["credentials"] = credentials
    yield pattern("cors", on, fields, first)


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
