"""A canary that grows: its steps, and when it is taken back. Values of the kind ``canary``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from mesh_patterns.draft import Draft, Placed, Target, Weighted
from mesh_yaml.values import Bounds


@dataclass(frozen=True, slots=True)
class Rollout:
    """``steps`` are the canary's percentages, the first one at the start; ``stable`` has the rest.

    A step lasts ``every`` at least, and until ``min_requests`` have reached the canary. One of the
    bounds of ``rollback_when`` that holds takes it back: ``error_rate`` is a share of answers that
    are 5xx, ``p50``, ``p90``, ``p99`` are seconds.
    """

    service: str
    stable: Target
    canary: Target
    steps: tuple[int, ...]
    every: timedelta
    min_requests: int
    rollback_when: tuple[tuple[str, Bounds], ...]
    callers: tuple[str, ...]


def give(draft: Draft, rollout: Rollout, percent: int) -> None:
    """Let the canary have this share of the requests of its callers, in the draft."""
    for caller in rollout.callers:
        edge = draft.edges[caller, rollout.service]
        assert edge.split is not None, "a canary is a split"
        edge.split = replace(edge.split, value=_shared(edge.split, rollout, percent))


def _shared(
    was: Placed[tuple[Weighted, ...]], rollout: Rollout, percent: int
) -> tuple[Weighted, ...]:
    weights = {rollout.canary: percent, rollout.stable: 100 - percent}
    return tuple(replace(each, weight=weights[each.target]) for each in was.value)
