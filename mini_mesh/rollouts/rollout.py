"""When a canary grows, and when it goes: a plain object that is shown what came of its requests.

Rule 1: it grows after the time of a step, if enough requests have shown that it does well.
Rule 2: it goes as soon as enough requests have shown that it does badly.
Rule 3: what has too few requests to show anything waits.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesh_patterns.rollout import Rollout
from mini_mesh.rollouts.seen import Seen

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Step:
    """The canary gets ``percent`` from now on; ``why`` in words. ``ended``: it is its last step."""

    percent: int
    why: str
    ended: bool = False
    withdrawn: bool = False


class Progress:
    """Of one rollout. ``percent`` is what the canary has."""

    def __init__(self, rollout: Rollout, now: float) -> None:
        self.rollout = rollout
        self.percent = rollout.steps[0]
        self.ended = len(rollout.steps) == 1
        self._left = list(rollout.steps[1:])
        self._began = now

    def look(self, seen: Seen, now: float) -> Step | None:
        """What to do, having ``seen`` this since the step began; ``now`` in seconds."""
        if self.ended or seen.requests < self.rollout.min_requests:
            return None
        bad = self._badly(seen)
        if bad:
            self.percent, self.ended = 0, True
            return Step(0, bad, ended=True, withdrawn=True)
        if now - self._began < self.rollout.every.total_seconds():
            return None
        self.percent, self._began = self._left.pop(0), now
        self.ended = not self._left
        return Step(self.percent, _told(seen), self.ended)

    def _badly(self, seen: Seen) -> str:
        """Why it has to go; "" where it has not."""
        for name, bounds in self.rollout.rollback_when:
            if name == "error_rate":
                if bounds.hold(seen.failures, seen.requests):
                    return f"{_told(seen)}: error_rate {bounds}"
                continue
            seconds = seen.quantile(QUANTILES[name])
            if seconds is not None and bounds.hold(seconds):
                return f"{name} is {seconds:g} s: {name} {bounds}"
        return ""


def _told(seen: Seen) -> str:
    share = 100 * seen.failures / seen.requests
    return f"{seen.failures:,} of {seen.requests:,} requests failed ({share:.2g} %)"
