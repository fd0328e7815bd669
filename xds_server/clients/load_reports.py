"""What clients report of their load: requests by node, cluster and locality, the last and in all.

No I/O; ``lrs.py`` is its door. Source: ``envoy/config/endpoint/v3/load_report.proto``. A report
counts what happened since the one before it, also what it calls total; requests in progress are a
state.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import islice
from operator import add
from types import MappingProxyType
from typing import Any

from xds_server.node import NodeInfo

MAX_KEPT = 10_000  # pairs of a node and a cluster; whoever reported longest ago is forgotten
MAX_PARTS = 1_000  # localities of a cluster, and so its endpoints, metrics, categories of drops
INTERVAL = 5.0  # seconds between two reports of a client

_log = logging.getLogger(__name__)

Adding = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that upstream hosts report of themselves (ORCA): ``requests`` came with it."""

    requests: int = 0
    total: float = 0.0

    def __add__(self, newer: Metric) -> Metric:
        return Metric(self.requests + newer.requests, self.total + newer.total)

    @property
    def mean(self) -> float:
        return self.total / self.requests if self.requests else 0.0


NO_METRIC = Metric()


def merged(
    one: Mapping[Any, Any], other: Mapping[Any, Any], nothing: Any, both: Adding = add
) -> Mapping[Any, Any]:
    """Sums by key; what is beyond ``MAX_PARTS`` keys is left out."""
    keys = islice({**one, **other}, MAX_PARTS)
    return MappingProxyType({k: both(one.get(k, nothing), other.get(k, nothing)) for k in keys})


@dataclass(frozen=True, slots=True)
class Load:
    """Requests. What ``failed`` is, the client judges: to Envoy, a 5xx or no answer."""

    issued: int = 0
    succeeded: int = 0
    failed: int = 0
    in_progress: int = 0
    metrics: Mapping[str, Metric] = field(default_factory=lambda: MappingProxyType({}))

    def __add__(self, newer: Load) -> Load:
        """This one and what came after it at the same place."""
        return Load(
            self.issued + newer.issued,
            self.succeeded + newer.succeeded,
            self.failed + newer.failed,
            newer.in_progress,
            merged(self.metrics, newer.metrics, NO_METRIC),
        )

    def beside(self, other: Load) -> Load:
        """This one and what happened elsewhere at the same time."""
        return replace(self + other, in_progress=self.in_progress + other.in_progress)


NOTHING = Load()


@dataclass(frozen=True, slots=True)
class Place:
    """A locality, at one priority."""

    region: str = ""
    zone: str = ""
    sub_zone: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class ClusterLoad:
    """One cluster's requests over ``seconds``.

    ``service`` is its name in EDS where that is another. ``dropped`` were refused on purpose
    (circuit breakers, ``drop_overload``), ``dropped_by`` those of them that have a category.
    ``endpoints`` are there if they were asked for, by ``address:port``.
    """

    cluster: str
    service: str = ""
    seconds: float = 0.0
    localities: Mapping[Place, Load] = field(default_factory=lambda: MappingProxyType({}))
    endpoints: Mapping[str, Load] = field(default_factory=lambda: MappingProxyType({}))
    dropped: int = 0
    dropped_by: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def requests(self) -> Load:
        """All localities together."""
        return reduce(Load.beside, self.localities.values(), NOTHING)

    def __add__(self, newer: ClusterLoad) -> ClusterLoad:
        """This one and what the same client reports after it."""
        return self._with(newer, self.seconds + newer.seconds, add)

    def beside(self, other: ClusterLoad) -> ClusterLoad:
        """This one and what another client reports."""
        return self._with(other, max(self.seconds, other.seconds), Load.beside)

    def _with(self, other: ClusterLoad, seconds: float, both: Adding) -> ClusterLoad:
        return ClusterLoad(
            self.cluster,
            other.service,
            seconds,
            merged(self.localities, other.localities, NOTHING, both),
            merged(self.endpoints, other.endpoints, NOTHING, both),
            self.dropped + other.dropped,
            merged(self.dropped_by, other.dropped_by, 0),
        )


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What one client said at once; ``at`` is in seconds."""

    node: NodeInfo
    clusters: tuple[ClusterLoad, ...]
    at: float


OnReport = Callable[[LoadReport], None]


def _ignore(report: LoadReport) -> None:
    """Nobody asked to be told."""


class LoadReports:
    """Asks clients for their load and keeps what they say; ``on_report`` is told of each report.

    ``clusters`` are those to be reported, ``None``: all. ``interval`` is the least time between two
    reports of a client, in seconds. With ``endpoints``, each endpoint is told apart: only Envoy
    can. ``forgotten`` counts the pairs of a node and a cluster that had to make room for others.
    """

    def __init__(
        self,
        interval: float = INTERVAL,
        clusters: Collection[str] | None = None,
        endpoints: bool = False,
        on_report: OnReport = _ignore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.interval, self.clusters, self.endpoints = interval, clusters, endpoints
        self.forgotten = 0
        self._on_report, self._clock = on_report, clock
        self._last: dict[str, LoadReport] = {}  # by node
        self._totals: dict[tuple[str, str], ClusterLoad] = {}  # by node and cluster

    def record(self, node: NodeInfo, clusters: Iterable[ClusterLoad]) -> LoadReport:
        """What ``node`` reports now."""
        report = LoadReport(node, tuple(clusters), self._clock())
        self._last.pop(node.id, None)
        self._last[node.id] = report
        for each in report.clusters:
            key = node.id, each.cluster
            self._totals[key] = self._totals.pop(key, ClusterLoad(each.cluster)) + each
        self._make_room()
        self._tell(report)
        return report

    def _tell(self, report: LoadReport) -> None:
        """A listener that raises is logged, and the stream goes on."""
        try:
            self._on_report(report)
        except Exception:
            _log.exception("on_report failed for %s", report.node.id)

    def _make_room(self) -> None:
        while len(self._totals) > MAX_KEPT:
            self._totals.pop(next(iter(self._totals)))
            self.forgotten += 1
        while len(self._last) > MAX_KEPT:
            self._last.pop(next(iter(self._last)))

    def last(self, node: str) -> LoadReport | None:
        """The last report of a node; it stays when the node goes."""
        return self._last.get(node)

    def totals(self, node: str | None = None) -> Mapping[str, ClusterLoad]:
        """By cluster, all that was ever reported: by one node, or by all of them together."""
        found: dict[str, ClusterLoad] = {}
        for (of, cluster), load in self._totals.items():
            if node in (None, of):
                found[cluster] = found[cluster].beside(load) if cluster in found else load
        return found

    def nodes(self) -> tuple[str, ...]:
        """Who has reported, sorted."""
        return tuple(sorted(self._last))
