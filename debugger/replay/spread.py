"""How the answers of several replays spread: by status, by version, and by what differs in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from debugger.replay.replays import Replay

NO_ANSWER = "no answer"
NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True)
class Spread:
    """Counts over all replays of one exchange; ``versions`` are all that took part, as
    ``reviews v2``; ``seconds`` are the fastest, median and slowest."""

    times: int
    statuses: Counter[str]
    versions: Counter[str]
    differing: int
    places: Counter[str]
    seconds: tuple[float, float, float]

    @classmethod
    def of(cls, replays: Sequence[Replay]) -> Spread:
        """Of one replay or more."""
        seconds = [each.answer.seconds for each in replays]
        return cls(
            len(replays),
            Counter(each.status for each in replays),
            Counter(one for each in replays for one in _versions(each)),
            sum(not each.comparison.same for each in replays),
            Counter(one.place for each in replays for one in each.comparison.differences),
            (min(seconds), median(seconds), max(seconds)),
        )

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; times in milliseconds."""
        names = ("fastest", "median", "slowest")
        seconds = zip(names, self.seconds, strict=True)
        return {
            "times": self.times,
            "statuses": dict(self.statuses.most_common()),
            "versions": dict(self.versions.most_common()),
            "differing": self.differing,
            "places": dict(self.places.most_common()),
            "milliseconds": {name: round(value * 1000, 3) for name, value in seconds},
        }


def _versions(replay: Replay) -> list[str]:
    found = [f"{service} {one}" for service, them in replay.versions.items() for one in them]
    return found or [replay.version or NOT_SEEN]
