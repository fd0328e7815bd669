"""What ``circuit_breaker``, ``load_balancing`` and ``outlier_detection`` share: they are about the
hosts of one service, or of one version of it, so they do not follow requests that a split sends to
another. What is said of a version wins over what is said of its service.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mesh_patterns.draft import Draft, Edge, Placed
from mesh_patterns.selector import edges, target
from mesh_yaml.place import DocumentError, Place, Problem

ON = "service, service/version, or 'caller -> service'"


def reached(draft: Draft, on: str, place: Place) -> tuple[list[Edge], str | None]:
    """The edges that ``on`` stands for, and the version at their end that it means.

    Raises:
        DocumentError: an end is not there, or the one does not call the other.
    """
    caller, arrow, callee = on.rpartition("->")
    name, slash, version = callee.strip().partition("/")
    found = edges(draft, f"{caller}{arrow}{name}", place)
    if slash:
        at = target(draft.mesh, f"{found[0].callee}/{version}", place)
        if at.replica is not None:
            message = f"is of a service or of a version of it, not of one replica: {on!r}"
            raise DocumentError.at(place, message)
        version = at.version or ""
    return found, version if slash else None


def put(draft: Draft, on: str, at: Place, name: str, value: Placed[Any]) -> list[Edge]:
    """Set one of the settings of ``draft.CLUSTER``, and tell what it does not reach."""
    found, version = reached(draft, on, at)
    put_on(draft, found, version, name, value)
    return found


def put_on(
    draft: Draft, found: list[Edge], version: str | None, name: str, value: Placed[Any]
) -> None:
    """The same on edges that are known already."""
    for edge in found:
        if version is None:
            edge.put(name, value)
        else:
            edge.put_version(version, name, value)
    if version is None:
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
