"""What the mesh captured of a replay, and which versions took part, beside the original's."""

from __future__ import annotations

from collections.abc import Iterable

from debugger.replay.target import Target
from mesh_traffic import Exchange

SLACK = 0.01  # seconds; the clocks are one, and what is sent is seen a moment later


def entry(found: Iterable[Exchange], target: Target, after: float) -> Exchange | None:
    """Of the captures of one request id the one of the listener that it was sent to: the first at
    its node since ``after`` (epoch seconds)."""
    at_node = (one for one in found if one.node == target.node and not one.is_step)
    since = (one for one in at_node if one.started >= after - SLACK)
    return min(since, key=lambda one: one.started, default=None)


def versions(found: Iterable[Exchange]) -> dict[str, tuple[str, ...]]:
    """The versions of each service that took part in a request, in the order of time."""
    versions: dict[str, dict[str, None]] = {}
    for one in sorted(found, key=lambda one: one.started):
        if one.service and one.version:
            versions.setdefault(one.service, {})[one.version] = None
    return {service: tuple(them) for service, them in versions.items()}
