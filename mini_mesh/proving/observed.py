"""What was seen while a claim's requests were on their way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from mesh_traffic import Headers


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer. ``status`` is HTTP's, or gRPC's for a gRPC service; -1 where none came."""

    status: int
    seconds: float
    headers: Headers = field(default_factory=Headers)
    body: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """All answers to a claim's requests, and how many reached each instance's Envoy.

    ``stats`` are how much counters grew, and where gauges stand.
    """

    samples: tuple[Sample, ...]
    reached: Mapping[str, int] = field(default_factory=dict)
    peaks: Mapping[str, int] = field(default_factory=dict)  # by instance
    stats: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # by node, by name

    def statuses(self) -> Counter[int]:
        return Counter(sample.status for sample in self.samples)
