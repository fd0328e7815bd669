"""What was seen while a claim's requests were on their way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mesh_traffic import Exchange, Headers


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer. ``status`` is HTTP's, or gRPC's for a gRPC service; -1 where none came.

    ``at`` is when it was asked for, in seconds of this machine's clock that only goes forward.
    """

    status: int
    seconds: float
    headers: Headers = field(default_factory=Headers)
    body: str = ""
    error: str = ""
    at: float = 0.0
    trailers: Headers = field(default_factory=Headers)


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened while requests were under way, from and until when."""

    what: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command: ``code`` is its exit code, ``None`` if it had to be ended."""

    line: str
    code: int | None
    printed: str


@dataclass(frozen=True, slots=True)
class Observed:
    """All answers to a claim's requests, and how many reached each instance's Envoy.

    ``stats`` are how much counters grew, and where gauges stand. ``crossed`` is what Envoys told
    of the requests, and ``lost`` how much of that did not come.
    """

    samples: tuple[Sample, ...]
    reached: Mapping[str, int] = field(default_factory=dict)
    peaks: Mapping[str, int] = field(default_factory=dict)  # by instance
    stats: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # by node, by name
    configs: Mapping[str, frozenset[str]] = field(default_factory=dict)  # states, by node
    crossed: Sequence[Exchange] = ()
    lost: int = 0
    happened: tuple[Happened, ...] = ()
    ran: tuple[Ran, ...] = ()  # in the order of the claim's ``runs``

    def statuses(self) -> Counter[int]:
        return Counter(sample.status for sample in self.samples)
