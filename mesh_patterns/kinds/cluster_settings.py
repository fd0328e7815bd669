"""What ``circuit_breaker``, ``load_balancing`` and ``outlier_detection`` share: they are about the
hosts of one service, so they do not follow requests that a split sends to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mesh_patterns.draft import Draft, Edge, Placed
from mesh_yaml.place import Place, Problem


def put(draft: Draft, edges: Iterable[Edge], name: str, value: Placed[Any]) -> None:
    """Set one of the settings of ``draft.CLUSTER`` on edges, and tell what it does not reach."""
    found = list(edges)
    for edge in found:
        edge.put(name, value)
    draft.warnings.extend(_elsewhere(found, value.place))


def _elsewhere(edges: Iterable[Edge], place: Place) -> Iterator[Problem]:
    ways = {name: edge for edge in edges for name in _others(edge)}
    for service, edge in ways.items():
        yield Problem(
            place,
            f"{edge.caller!r} sends requests for {edge.callee!r} to {service!r} too, which this is "
            f"not about; say the same on '{edge.caller} -> {service}'",
            warning=True,
        )


def _others(edge: Edge) -> Iterator[str]:
    splits = [rule.split for rule in edge.rules] + ([edge.split.value] if edge.split else [])
    found = (each.target.service for split in splits for each in split)
    return (service for service in found if service != edge.callee)
