"""What patterns say of limits and of shedding load: the values of their filters.

Numbers are Envoy's, and ``None`` leaves its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from mesh_patterns.draft import Match
from mesh_yaml.matching import StringMatch

# Those from 400 that Envoy answers with itself ("type/v3/http_status.proto").
_STATUSES = frozenset(
    {*range(400, 418), *range(421, 425), 426, 428, 429, 431, *range(500, 509), 510, 511}
)


def _known(status: int) -> int:
    if status not in _STATUSES:
        raise ValueError(f"Envoy refuses nobody with {status}; 429 and 503 are usual")
    return status


Status = Annotated[int, Field(ge=400, le=511), AfterValidator(_known)]
CHOICE = "limit"  # the key of the entry that says which limit a request has
DEFAULT = "default"  # which it has where no other is its


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: holds ``tokens``, and gets ``fill`` more in each ``interval``."""

    tokens: int
    fill: int
    interval: timedelta


@dataclass(frozen=True, slots=True)
class Key:
    """What of a request a limit is kept by: ``kind`` is ``header``, ``query``, ``path``,
    ``method``, ``remote_address`` or ``generic``, of which ``name`` is the value itself.
    """

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def entry(self) -> str:
        """The key of its entry in a descriptor."""
        return {"header": self.name, "query": self.name, "generic": "generic_key"}.get(
            self.kind, self.kind
        )


@dataclass(frozen=True, slots=True)
class LocalRateLimit:
    """A limit that each Envoy keeps for itself, or each connection (``per_connection``).

    ``overrides`` are those of requests that match, all of theirs; ``keys`` keep a bucket for each
    value. ``shadow``: counted only.
    """

    bucket: Bucket
    overrides: tuple[tuple[Match, Bucket], ...] = ()
    keys: tuple[Key, ...] = ()
    max_keys: int = 1000
    status: int = 429
    headers: bool = False
    per_connection: bool = False
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class GlobalRateLimit:
    """A limit that all Envoys share, kept by the rate limit service beside them.

    Each request has a descriptor of the ``keys``, after an entry that names the first of
    ``choices`` whose match holds, if there are any: ``(name, header, match)``.
    """

    domain: str
    keys: tuple[Key, ...]
    choices: tuple[tuple[str, str, StringMatch], ...] = ()
    deny: bool = False
    timeout: timedelta = timedelta(seconds=1)
    status: int = 429
    headers: bool = False
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class AdmissionControl:
    """Refuses at random, the more of its answers have failed in the last ``window``."""

    success: float  # percent that have to succeed before any is refused
    aggression: float
    window: timedelta
    min_rps: int
    max_rejection: float  # percent
    statuses: tuple[tuple[int, int], ...]  # success: from, to and without
    grpc_statuses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AdaptiveConcurrency:
    """Lets so many requests through at a time as keep latency near what it is without a queue."""

    percentile: float
    update: timedelta
    max_limit: int
    min_concurrency: int
    calibrate: timedelta | None  # between two measurements without load, or
    fixed: timedelta | None  # the latency without load, if somebody knows it
    calibration_requests: int
    buffer: float
    status: int


@dataclass(frozen=True, slots=True)
class BandwidthLimit:
    """Bytes a second, of all requests together: ``kib`` each way of ``directions``."""

    kib: int
    directions: str  # "request", "response", "both"
    interval: timedelta
    trailers: bool


@dataclass(frozen=True, slots=True)
class ConnectionRate:
    """New connections; those beyond are closed."""

    bucket: Bucket
