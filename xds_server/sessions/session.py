"""One client's stream without its I/O: requests and snapshots in, responses and events out.

What SotW and Delta have in common; what they differ in is ``sotw.py`` and ``delta.py``.

Rules (the protocol's sections "ACK/NACK and resource type instance version", "Eventual consistency
considerations", "Resource warming"):

1. At most one response of a type is under way. What changes meanwhile goes out after its ACK or
   NACK, and then only the newest: what waits to be sent is bounded by the number of types.
2. A NACKed content is not sent again. The next change takes the rejected resources along.
3. Types are pushed in the order of ``ResourceType``. Nothing of a later type overtakes a listener
   that has to wait, and no listener or route goes to a client that takes all clusters before it
   has accepted those that they name: Envoy ACKs a cluster only once it is warm. What a NACK
   says was taken all the same counts as accepted.
4. A cluster that leaves the snapshot leaves the client after the listeners and routes of that
   snapshot were accepted, since until then they may send traffic to it; its endpoints after it.
5. A cluster that changed needs its endpoints once more, also when they did not change.
6. A route configuration that was sent takes the virtual hosts along that the client has of it.
7. Without a snapshot nothing is answered: an empty answer would delete what the client has.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from xds_server.catalogue import EMPTY_PARCEL, Catalogue, Parcel
from xds_server.clients.view import Refusal, TypeView
from xds_server.events import Acked, Current, Event, Nacked, Sent
from xds_server.node import NodeInfo
from xds_server.resource import Resource, ResourceType
from xds_server.sessions import nack
from xds_server.sessions.heartbeats import KNOWS_TTL, Heartbeats, knows
from xds_server.sessions.messages import DeltaResponse, Lifetimes, Response, SotwResponse
from xds_server.sessions.substream import State, Substream
from xds_server.snapshot import Snapshot

Output = SotwResponse | DeltaResponse | Event

WAITING = State.WAITING
_TRAFFIC = (ResourceType.LISTENER, ResourceType.ROUTE)  # these send requests to clusters
_NOBODY: frozenset[str] = frozenset()
_STAYING: Mapping[str, Resource] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Due:
    """What one type lacks. ``complete``: with it, the client has all that it wants of its version.

    ``sendable`` is ``False`` where all of it has to wait for other types. ``held`` are rejected
    resources that would come along, but whose clusters are not accepted yet.
    """

    version: str
    resources: Parcel = EMPTY_PARCEL
    removed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    complete: bool = True
    sendable: bool = True
    held: frozenset[str] = frozenset()


class Session(ABC):
    """A stream of ``node``; ``clock`` gives the time that events carry, in seconds.

    ``features`` are those that a client has to announce to be told of lifetimes, and ``mortal`` the
    types that have some.
    """

    features: Collection[str] = (KNOWS_TTL,)
    mortal: Collection[ResourceType] = tuple(ResourceType)

    def __init__(self, node: NodeInfo, clock: Callable[[], float]) -> None:
        self.node = node
        self._clock = clock
        self._snapshot: Snapshot | None = None
        self._substreams: dict[ResourceType, Substream] = {}  # in push order
        self._nonces = itertools.count(1)
        self._heartbeats = Heartbeats(self.mortal) if knows(node, *self.features) else None

    @property
    def snapshot(self) -> Snapshot | None:
        """What is served; ``None``: nothing yet."""
        return self._snapshot

    def receive(self, request: Any) -> list[Output]:
        """One request: the responses that it leads to, and what it says, as events.

        Raises ``RemoteXdsError`` for a subscription beyond all measure. A type that is not known
        here has no resources, so nobody is answered about it.
        """
        kind = ResourceType.of(request.type_url)
        return [] if kind is None else self._receive(kind, request)

    def update(self, snapshot: Snapshot) -> list[Output]:
        """A new snapshot: what of it goes out now."""
        self._snapshot = snapshot
        for kind, sub in self._substreams.items():
            sub.follow(snapshot.catalogue(kind))
        return self._flush()

    # what lives for a limited time

    def next_heartbeat(self, now: float) -> float | None:
        """When ``heartbeat`` is to be called next; ``None``: it need not be.

        It is to be asked whenever something came. ``now`` is in seconds, of a clock of its own that
        never jumps.
        """
        if self._heartbeats is None or self._snapshot is None:
            return None
        return self._heartbeats.next(self._substreams.values(), self._snapshot, now)

    def heartbeat(self, now: float) -> list[Output]:
        """Tells the client that what it would drop now still holds."""
        if self._heartbeats is None or self._snapshot is None:
            return []
        output: list[Output] = []
        for sub, late in self._heartbeats.due(self._substreams.values(), self._snapshot, now):
            nonce = str(next(self._nonces))
            response = self._renewal(sub, late, self._snapshot.catalogue(sub.kind), nonce)
            if response is not None:
                sub.nonce = nonce  # later requests answer this response
                output.append(response)
        return output

    def _lifetimes(self, sub: Substream) -> Lifetimes:
        told = self._heartbeats is not None and sub.kind in self.mortal
        return Lifetimes.TOLD if told else Lifetimes.UNTOLD

    # what the two variants differ in

    @abstractmethod
    def _renewal(
        self, sub: Substream, late: Parcel, served: Catalogue, nonce: str
    ) -> Response | None:
        """A heartbeat of what would expire; ``None`` where there can be none now."""

    @abstractmethod
    def _receive(self, kind: ResourceType, request: Any) -> list[Output]:
        """``receive``, of a request about a type that is known here."""

    @abstractmethod
    def _due(self, sub: Substream, snapshot: Snapshot) -> Due | None:
        """What the client lacks; ``None`` where that is nothing."""

    @abstractmethod
    def _response(self, sub: Substream, due: Due, served: Catalogue, nonce: str) -> Response:
        """Remembers what the client has from now on and returns what tells it so."""

    # what they share

    def _opened(self, kind: ResourceType) -> Substream:
        """A type that the client asks for first now."""
        opened = {**self._substreams, kind: Substream(kind)}
        self._substreams = {kind: opened[kind] for kind in ResourceType if kind in opened}
        return opened[kind]

    def _answered(self, sub: Substream, error: str | None) -> list[Event]:
        """The client's answer to the response under way: ACK, or NACK where there is an error.

        A NACK is one event for each resource that its text names.
        """
        if error is None:
            sub.acked()
            return [Acked(self.node, sub.kind, sub.version, self._clock())]
        sent, now = sub.in_flight, self._clock()
        taken = nack.taken(error, sent)
        sub.nacked(taken)
        records = nack.read(self.node, sub.kind, sub.version, error, sent)
        sub.refusal = Refusal(records, frozenset(sub.rejected - taken), now)
        return [Nacked(record, now) for record in records]

    def view(self) -> tuple[TypeView, ...]:
        """Where the client stands with each type that it asked for; it changes nothing."""
        return tuple(sub.view() for sub in self._substreams.values())

    def _flush(self) -> list[Output]:
        """Sends what is due and may go, in push order."""
        snapshot, output = self._snapshot, list[Output]()
        if snapshot is None:
            return output
        for kind, sub in self._substreams.items():
            version = snapshot.version(kind)
            if sub.settled == version == sub.version and not sub.asked:
                continue  # the common case: nothing of this type changed
            due = self._lacking(sub, snapshot)
            if due is None:
                output += self._settle(sub, version)
            elif sub.state is not WAITING:
                output += self._send(sub, due, snapshot)
            elif kind is ResourceType.LISTENER:
                break
        return output

    def _lacking(self, sub: Substream, snapshot: Snapshot) -> Due | None:
        version = snapshot.version(sub.kind)
        if sub.settled == version and not sub.asked:
            return None
        due = self._due(sub, snapshot)
        if due is None:
            sub.settled = version
            sub.asked.clear()
            sub.known.settle(snapshot.catalogue(sub.kind))
        return due if due and due.sendable else None

    def _settle(self, sub: Substream, version: str) -> Iterator[Event]:
        """Tells that a new version is the client's already, where nothing of it concerns it."""
        resting = sub.state is not WAITING and not sub.rejected
        if resting and sub.settled == version != sub.version:
            sub.version = version
            yield Current(self.node, sub.kind, version, self._clock())

    def _send(self, sub: Substream, due: Due, snapshot: Snapshot) -> list[Output]:
        served = snapshot.catalogue(sub.kind)
        if sub.kind is ResourceType.CLUSTER:
            self._warm(sub.known.changed(served))
        elif sub.kind is ResourceType.ROUTE:
            self._refill(due.resources)
        response = self._response(sub, due, served, str(next(self._nonces)))
        sub.sent(response.nonce, response.version, response.resources, due.removed, due.held)
        sub.settled = served.version if due.complete else ""
        sub.sent_at = self._clock()
        names = due.resources.names
        return [response, Sent(self.node, sub.kind, response.version, names, sub.sent_at)]

    def _warm(self, clusters: Iterable[Resource]) -> None:
        endpoints = self._substreams.get(ResourceType.ENDPOINT)
        if endpoints is not None:
            for cluster in clusters:
                endpoints.asked.update(reference.name for reference in cluster.references)

    def _refill(self, routes: Iterable[Resource]) -> None:
        """A client that takes a new route configuration drops the virtual hosts that it had.

        Until it hears of any name of the configuration, it keeps it to itself.
        """
        hosts = self._substreams.get(ResourceType.VIRTUAL_HOST)
        if hosts is not None:
            names = {each.name for each in routes}
            hosts.asked.update(host for host in hosts.known if host.rpartition("/")[0] in names)
            hosts.asked.update(f"{name}/" for name in names)

    def _not_yet(self, snapshot: Snapshot) -> Collection[str]:
        """Served clusters that the client has not accepted: who sends traffic to one has to wait.

        A client that asks for its clusters by name asks after its routes.
        """
        clusters = self._substreams.get(ResourceType.CLUSTER)
        if clusters is None or not clusters.book.wildcard:
            return ()
        return clusters.accepted.missing(snapshot.catalogue(ResourceType.CLUSTER))

    def _ready(self, sub: Substream, names: Iterable[str], snapshot: Snapshot) -> list[str]:
        """Those of the names whose resources may go; each of them is served."""
        waiting = self._not_yet(snapshot) if sub.kind in _TRAFFIC else ()
        if not waiting:
            return list(names)
        served, missing = snapshot.resources(sub.kind), frozenset(waiting)
        return [name for name in names if missing.isdisjoint(served[name].clusters)]

    def _again(
        self, sub: Substream, snapshot: Snapshot, lacking: Collection[str]
    ) -> tuple[list[str], frozenset[str]]:
        """Rejected resources that the next change takes along, and those that may not go yet."""
        if not sub.rejected:
            return [], _NOBODY
        served = snapshot.resources(sub.kind)
        rejected = [name for name in sub.rejected.difference(lacking) if name in served]
        going = self._ready(sub, rejected, snapshot)
        return going, frozenset(rejected).difference(going)

    def _leaving(self, sub: Substream, snapshot: Snapshot) -> Mapping[str, Resource]:
        """Clusters and endpoints that are no longer in the snapshot but have to stay for now."""
        if sub.kind not in (ResourceType.CLUSTER, ResourceType.ENDPOINT):
            return _STAYING
        had = sub.known.gone(snapshot.catalogue(sub.kind))
        gone = {name: each for name, each in had.items() if sub.book.wants(name)}
        users = _TRAFFIC if sub.kind is ResourceType.CLUSTER else (ResourceType.CLUSTER, *_TRAFFIC)
        return gone if gone and self._are_moving(users, snapshot) else _STAYING

    def _are_moving(self, kinds: Iterable[ResourceType], snapshot: Snapshot) -> bool:
        """Whether something of these types in the snapshot is not accepted yet."""
        moving = (self._substreams.get(kind) for kind in kinds)
        return any(self._is_moving(sub, snapshot) for sub in moving if sub)

    def _is_moving(self, sub: Substream, snapshot: Snapshot) -> bool:
        if sub.state is WAITING or sub.rejected:
            return True
        return sub.settled != snapshot.version(sub.kind) and self._due(sub, snapshot) is not None
