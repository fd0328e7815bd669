"""One number of what a mesh is worth and costs, after MeshMark, with its formula.

MeshMark (Service Mesh Performance, "MeshMark") is published as a picture only: the mean, over
classes, of the mean of each class's weighted mesh utilisation efficiencies (MUE), each from 0 to 1.
Which MUEs there are, and how each is had from counters, is our own: hence "MeshMark-style".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FORMULA = "100 × mean over classes of (mean over their MUEs of MUE × (1 + weight))"
MAX_WEIGHT = 0.5  # a weight is from -50 % to +50 %
CLASSES: Mapping[str, tuple[str, ...]] = {
    "value": ("answered", "masked", "shed", "encrypted"),
    "cost": ("latency", "cpu"),
}
MEANINGS: Mapping[str, str] = {
    "answered": "requests answered without 5xx ÷ requests",
    "masked": "failures that a retry has hidden ÷ (those + failed requests)",
    "shed": "requests refused at once for overload ÷ (those + timeouts)",
    "encrypted": "edges with TLS ÷ edges in use",
    "latency": "median without ÷ median with what is measured",
    "cpu": "1 − cores used by Envoys ÷ cores of the machine",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is measured. ``before`` is the median without what the score is of, ``median`` with it,
    0 where it was not measured; ``cores`` are used by Envoys, of ``machine``."""

    requests: int
    failed: int
    masked: int = 0
    shed: int = 0
    late: int = 0
    edges: int = 0
    encrypted: int = 0
    before: float = 0.0
    median: float = 0.0
    cores: float = 0.0
    machine: int = 0
    per_thousand: float = 0.0  # seconds of CPU of the Envoys for 1,000 requests


@dataclass(frozen=True, slots=True)
class Score:
    """``mues`` have a value where there was something to measure it by."""

    value: float
    mues: Mapping[str, float]
    weights: Mapping[str, float] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        kind = {"label": "MeshMark-style", "formula": FORMULA, "score": round(self.value, 1)}
        return {**kind, "mues": dict(self.mues), "weights": dict(self.weights)}


def score(seen: Seen, weights: Mapping[str, float] | None = None) -> Score:
    """From what was measured. Raises ``ValueError`` for a weight that there is not."""
    given = dict(weights or {})
    for name, weight in given.items():
        if name not in MEANINGS or abs(weight) > MAX_WEIGHT:
            known = ", ".join(MEANINGS)
            raise ValueError(f"{name}: wanted one of {known}, from -50% to +50%")
    mues = {name: share for name, share in _mues(seen).items() if share is not None}
    means = []
    for names in CLASSES.values():
        found = [mues[name] * (1 + given.get(name, 0.0)) for name in names if name in mues]
        means += [sum(found) / len(found)] if found else []
    return Score(100 * sum(means) / len(means) if means else 0.0, mues, given)


def _mues(seen: Seen) -> dict[str, float | None]:
    """None where nothing happened that it could be had of."""
    return {
        "answered": _share(seen.requests - seen.failed, seen.requests),
        "masked": _share(seen.masked, seen.masked + seen.failed),
        "shed": _share(seen.shed, seen.shed + seen.late),
        "encrypted": _share(seen.encrypted, seen.edges),
        "latency": min(1.0, seen.before / seen.median) if seen.before and seen.median else None,
        "cpu": max(0.0, 1 - seen.cores / seen.machine) if seen.machine else None,
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
