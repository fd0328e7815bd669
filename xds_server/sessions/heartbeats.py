"""Heartbeats: a client is told in time that what it would drop still holds.

Rules (xDS protocol, "TTL"), and what Envoy 1.40 makes of them:

1. A lifetime is told, and a heartbeat sent, to clients only that announce to know of them
   (``xds.config.supports-resource-ttl``); on a SotW stream they have to know a resource that is
   wrapped in a ``Resource``, too (``xds.config.supports-resource-in-sotw``). Envoy announces what
   its bootstrap says in ``node.client_features``, by itself neither.
2. A heartbeat names resources in the version that the client has, with their lifetimes and without
   their content. It is no update: whether it is ACKed is of no account. On a SotW stream Envoy
   renews nothing by such a one, and takes clusters and listeners that it leaves out for deleted;
   there it is the same response once more.
3. It goes out ``PER_LIFE`` times in each lifetime: one may get lost, and one be late.
4. While a response of the type is under way there is none, since its ACK or NACK would be taken
   for that of the heartbeat; what is due goes out after it.
5. On a SotW stream, only the types of ``MORTAL_IN_SOTW`` have lifetimes. Endpoints or routes that
   expire on one crash Envoy 1.40 (a segmentation fault), so there they live on as they would for a
   client that knows nothing of lifetimes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from xds_server.catalogue import Catalogue, Parcel
from xds_server.node import NodeInfo
from xds_server.resource import ResourceType
from xds_server.sessions.substream import State, Substream
from xds_server.snapshot import Snapshot

KNOWS_TTL = "xds.config.supports-resource-ttl"
KNOWS_WRAPPED = "xds.config.supports-resource-in-sotw"
PER_LIFE = 3
MORTAL_IN_SOTW = (ResourceType.CLUSTER, ResourceType.LISTENER, ResourceType.RUNTIME)


def knows(node: NodeInfo, *features: str) -> bool:
    """Whether a client announces all of these."""
    return all(each in node.client_features for each in features)


class Heartbeats:
    """When one client's resources of some types are due to be renewed.

    Times are in seconds, of any clock.
    """

    def __init__(self, mortal: Collection[ResourceType]) -> None:
        self.mortal = mortal
        self._last: dict[tuple[ResourceType, float], float] = {}

    def next(self, subs: Collection[Substream], snapshot: Snapshot, now: float) -> float | None:
        """When something is due next; ``None``: nothing that the client has will expire."""
        due = (
            self._last.setdefault((sub.kind, ttl), now) + ttl / PER_LIFE
            for sub in subs
            if self._may_go(sub)
            for ttl in snapshot.catalogue(sub.kind).lifetimes
        )
        return min(due, default=None)

    def due(
        self, subs: Collection[Substream], snapshot: Snapshot, now: float
    ) -> Iterator[tuple[Substream, Parcel]]:
        """What is to be renewed now, by type; from now on it is renewed."""
        for sub in subs:
            if not self._may_go(sub):
                continue
            served = snapshot.catalogue(sub.kind)
            late = list(self._late(sub, served, now))
            names = [name for ttl in late for name in _had(sub, served, ttl)]
            if names:
                yield sub, served.parcel(names)

    def _may_go(self, sub: Substream) -> bool:
        return sub.kind in self.mortal and sub.state in (State.ACKED, State.NACKED)

    def _late(self, sub: Substream, served: Catalogue, now: float) -> Iterator[float]:
        for ttl in served.lifetimes:
            if now >= self._last.get((sub.kind, ttl), now) + ttl / PER_LIFE:
                self._last[sub.kind, ttl] = now
                yield ttl


def _had(sub: Substream, served: Catalogue, ttl: float) -> Iterator[str]:
    """Of the resources that live that long, those that the client has as they are served."""
    for each in served.lifetimes[ttl]:
        if sub.book.wants(each.name) and each.name not in sub.rejected:
            has = sub.known.get(each.name)
            if has is not None and has.version == each.version:
                yield each.name
