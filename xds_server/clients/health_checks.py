"""Health checks that Envoys make for the control plane: who checks what, and what they found.

No I/O; ``hds.py`` is its door. Source: ``envoy/service/health/v3/hds.proto``. A checker is one
stream: of an Envoy that offers to check, with the protocols that it can. It is given the clusters
that are delegated to its node and that it can check, and says again and again how their endpoints
are. What most checkers of an endpoint say of it counts; where as many say that it is well as that
it is not, it is.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from xds_server.clients.endpoint_health import ClusterCheck, Health
from xds_server.clients.matchers import Judge, everyone
from xds_server.node import NodeInfo

_log = logging.getLogger(__name__)

INTERVAL = 1.0  # seconds between two reports of a checker
_WELL = (Health.HEALTHY, Health.DEGRADED)


@dataclass(frozen=True, eq=False)
class Checker:
    """One stream of a node that can check by ``protocols``; ``changed`` wakes who writes to it."""

    node: NodeInfo
    protocols: frozenset[str]
    changed: Callable[[], None]


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """An endpoint is now what it was not ``before``; ``at`` is in seconds."""

    cluster: str
    endpoint: str
    before: Health
    now: Health
    at: float


OnChange = Callable[[HealthChanged], None]


def _ignore(event: HealthChanged) -> None:
    """Nobody asked to be told."""


class _Delegated:
    """A cluster, who checks it, and what each of them says of its endpoints."""

    def __init__(self, check: ClusterCheck, to: Judge) -> None:
        self.check, self.to = check, to
        self.said: dict[Checker, dict[str, Health]] = {}
        self.health: dict[str, Health] = {}

    def is_for(self, checker: Checker) -> bool:
        return self.check.needs <= checker.protocols and self.to(checker.node)

    def judge(self) -> Iterable[tuple[str, Health, Health]]:
        """Counts the votes; what has changed: endpoint, before, now."""
        before, self.health = self.health, {}
        for endpoint in sorted(self.check.endpoints):
            votes = Counter(said[endpoint] for said in self.said.values() if endpoint in said)
            self.health[endpoint] = now = _verdict(votes)
            was = before.get(endpoint, Health.UNKNOWN)
            if now is not was:
                yield endpoint, was, now


def _verdict(votes: Counter[Health]) -> Health:
    well = {health: count for health, count in votes.items() if health in _WELL}
    ill = {health: count for health, count in votes.items() if health not in _WELL}
    counted = well if sum(well.values()) >= sum(ill.values()) else ill
    return max(counted, key=lambda each: (counted[each], -each), default=Health.UNKNOWN)


class HealthChecks:
    """Gives out checks and collects their results; ``on_change`` is told what changes.

    ``interval`` is the time between two reports of a checker, in seconds.
    """

    def __init__(
        self,
        interval: float = INTERVAL,
        on_change: OnChange = _ignore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.interval = interval
        self._on_change, self._clock = on_change, clock
        self._clusters: dict[str, _Delegated] = {}
        self._checkers: dict[Checker, None] = {}

    def delegate(self, check: ClusterCheck, to: Judge = everyone) -> None:
        """Has the cluster checked by the nodes ``to`` is true of, in place of an earlier check."""
        earlier = self._clusters.get(check.cluster)
        delegated = self._clusters[check.cluster] = _Delegated(check, to)
        if earlier is not None:
            delegated.health = earlier.health
            delegated.said = {c: s for c, s in earlier.said.items() if delegated.is_for(c)}
            self._judge(delegated)
        self._wake(lambda c: delegated.is_for(c) or bool(earlier and earlier.is_for(c)))

    def recall(self, cluster: str) -> None:
        """Nobody has to check the cluster any more; what was known of it is forgotten."""
        earlier = self._clusters.pop(cluster, None)
        if earlier is not None:
            self._wake(earlier.is_for)

    def _wake(self, whom: Callable[[Checker], bool]) -> None:
        for checker in filter(whom, tuple(self._checkers)):
            checker.changed()

    def health(self, cluster: str) -> Mapping[str, Health]:
        """What is known of a cluster's endpoints, by address."""
        found = self._clusters.get(cluster)
        return {e: h for e, h in found.health.items() if h} if found else {}

    def checkers(self) -> tuple[Checker, ...]:
        """Who is there to check."""
        return tuple(self._checkers)

    def opened(
        self, node: NodeInfo, protocols: Iterable[str], changed: Callable[[], None]
    ) -> Checker:
        """A node offers to check; ``changed`` is called when it has to check something else."""
        checker = Checker(node, frozenset(protocols), changed)
        self._checkers[checker] = None
        return checker

    def closed(self, checker: Checker) -> None:
        """A checker is gone; what it said counts no more."""
        self._checkers.pop(checker, None)
        for delegated in self._clusters.values():
            if delegated.said.pop(checker, None) is not None:
                self._judge(delegated)

    def wanted(self, checker: Checker) -> tuple[ClusterCheck, ...]:
        """What a checker has to check, by the clusters' names."""
        mine = (each.check for each in self._clusters.values() if each.is_for(checker))
        return tuple(sorted(mine, key=lambda check: check.cluster))

    def record(self, checker: Checker, cluster: str, found: Mapping[str, Health]) -> None:
        """What a checker says of a cluster's endpoints, by address.

        What it was not asked to check, or no longer, is passed over.
        """
        delegated = self._clusters.get(cluster)
        if delegated is not None and delegated.is_for(checker):
            of = delegated.check.endpoints
            said = {e: health for e, health in found.items() if e in of}
            if said != delegated.said.get(checker):
                delegated.said[checker] = said
                self._judge(delegated)

    def _judge(self, delegated: _Delegated) -> None:
        for endpoint, before, now in tuple(delegated.judge()):
            cluster = delegated.check.cluster
            self._tell(HealthChanged(cluster, endpoint, before, now, self._clock()))

    def _tell(self, event: HealthChanged) -> None:
        """A listener that raises is logged, and the stream goes on."""
        try:
            self._on_change(event)
        except Exception:
            _log.exception("on_change failed for %s of %s", event.endpoint, event.cluster)
