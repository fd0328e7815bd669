"""What is kept of a claim's requests for whoever draws them: when, how long, and what came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mini_mesh.proving.observed import Happened, Observed, Sample

MAX_POINTS = 2000  # of one claim


@dataclass(frozen=True, slots=True)
class Point:
    """One request. ``at`` is in seconds since the first one; ``status`` is -1 without an answer."""

    at: float
    seconds: float
    status: int


@dataclass(frozen=True, slots=True)
class Record:
    """Of one claim: some of its requests, ``sent`` of them in all, and what happened meanwhile, in
    seconds since the first request."""

    points: tuple[Point, ...] = ()
    sent: int = 0
    happened: tuple[Happened, ...] = ()

    @classmethod
    def of(cls, observed: Observed) -> Record:
        """Of many requests, those with a rare status come first, and of the others every few."""
        samples = observed.samples
        chosen = samples if len(samples) <= MAX_POINTS else _some(samples)
        zero = min((each.at for each in samples), default=0.0)
        points = (Point(each.at - zero, each.seconds, each.status) for each in chosen)
        happened = tuple(
            replace(each, start=each.start - zero, end=each.end - zero)
            for each in observed.happened
        )
        return cls(tuple(sorted(points, key=lambda p: p.at)), len(samples), happened)


def _some(samples: Sequence[Sample]) -> list[Sample]:
    """Half the room is for what is rare."""
    usual = Counter(each.status for each in samples).most_common(1)[0][0]
    return [
        *_every(MAX_POINTS // 2, [each for each in samples if each.status != usual]),
        *_every(MAX_POINTS // 2, [each for each in samples if each.status == usual]),
    ]


def _every(count: int, samples: Sequence[Sample]) -> Sequence[Sample]:
    step = max(1, -(-len(samples) // count))
    return samples[::step]
