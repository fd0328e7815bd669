"""What a server's events add up to, as Prometheus metrics.

A listener: it is told every event (``XdsServer(on_event=metrics.record)``) and costs each a few
microseconds. What a scrape reads is in its own registry, so that two servers in one process have
two. Names are those of Prometheus' conventions (https://prometheus.io/docs/practices/naming):
``_total`` counts up from the start, sizes are bytes, times seconds.

Labels are bounded: a type is one of ``ResourceType``, a variant SotW or Delta, a reason ``gone``
(the client or the server went away) or the gRPC status that the client was refused with.
"""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass, field
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from xds_server.cache import Cache
from xds_server.events import Acked, Event, Nacked, Sent, StreamClosed, StreamOpened
from xds_server.node import GroupOf, NodeInfo, by_node_id
from xds_server.resource import ResourceType
from xds_server.serving import services

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
GONE = "gone"
VARIANTS = (services.SOTW, services.DELTA)
# seconds: a push takes about a millisecond; an Envoy that warms clusters may take many seconds
BUCKETS = (
    0.0005,
    0.001,
    0.002,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)


@dataclass(slots=True)
class _Node:
    """What has to be remembered of a connected node, until its last stream ends."""

    streams: Tally[str] = field(default_factory=Tally)  # by variant
    told: dict[ResourceType, str] = field(default_factory=dict)  # versions sent last
    waiting: dict[ResourceType, float | None] = field(default_factory=dict)


class _OfType:
    """The metrics that are counted for each type, looked up once."""

    def __init__(self, metrics: Metrics, kind: ResourceType) -> None:
        self.responses = metrics.responses.labels(kind.title)
        self.bytes = metrics.bytes.labels(kind.title)
        self.acks = metrics.acks.labels(kind.title)
        self.nacks = metrics.nacks.labels(kind.title)
        self.push = metrics.push.labels(kind.title)


class Metrics:
    """Counts what it is told; ``text`` is what Prometheus reads.

    ``cache`` and ``group_of`` are the server's: the cache knows since when a snapshot is served,
    which is where the time of a push begins. It ends with the ACK. The first response of a type on
    a stream is an answer to its request, not a push, and is not timed.
    """

    def __init__(self, cache: Cache, group_of: GroupOf = by_node_id) -> None:
        self._cache, self._group_of = cache, group_of
        self._nodes: dict[str, _Node] = {}
        self._clients: Tally[str] = Tally()
        self._pending = 0
        self.registry = CollectorRegistry()
        self._declare()
        self._of = {kind: _OfType(self, kind) for kind in ResourceType}

    def _declare(self) -> None:
        registry = self.registry
        clients = Gauge("xds_clients", "Connected nodes.", ["variant"], registry=registry)
        for variant in VARIANTS:
            clients.labels(variant).set_function(partial(self._clients.__getitem__, variant))
        pending = Gauge(
            "xds_pending_responses", "Sent, and neither ACKed nor NACKed yet.", registry=registry
        )
        pending.set_function(lambda: self._pending)
        self._opened = Counter(
            "xds_streams_opened", "Streams opened.", ["variant"], registry=registry
        )
        self._closed = Counter(
            "xds_streams_closed", "Streams closed.", ["variant", "reason"], registry=registry
        )
        self.responses = Counter("xds_responses", "Responses sent.", ["type"], registry=registry)
        self.bytes = Counter("xds_response_bytes", "Bytes sent.", ["type"], registry=registry)
        self.acks = Counter("xds_acks", "Responses ACKed.", ["type"], registry=registry)
        self.nacks = Counter("xds_nacks", "Responses NACKed.", ["type"], registry=registry)
        self.push = Histogram(
            "xds_push_seconds",
            "From a changed snapshot to the ACK of a node.",
            ["type"],
            registry=registry,
            buckets=BUCKETS,
        )
        self.polls = Counter(
            "xds_polls", "Requests of clients that poll.", ["type", "code"], registry=registry
        )

    def text(self) -> bytes:
        """All metrics in Prometheus' text format, of type ``CONTENT_TYPE``."""
        return generate_latest(self.registry)

    def clients(self) -> int:
        """How many nodes are connected."""
        return len(self._nodes)

    def polled(self, kind: ResourceType, status: int) -> None:
        """A client that polls by JSON was answered with this HTTP status."""
        self.polls.labels(kind.title, str(status)).inc()

    def record(self, event: Event) -> None:
        match event:
            case Sent():
                self._sent(event)
            case Acked(node=node, type=kind, at=at):
                self._acked(node, kind, at)
            case Nacked(record=record):
                self._nacked(record.node, ResourceType.of(record.type_url))
            case StreamOpened(node=node, variant=variant):
                self._open(node, variant)
            case StreamClosed():
                self._close(event)

    def _open(self, node: NodeInfo, variant: str) -> None:
        self._opened.labels(variant).inc()
        of = self._nodes.setdefault(node.id, _Node())
        of.streams[variant] += 1
        self._clients[variant] += of.streams[variant] == 1

    def _close(self, event: StreamClosed) -> None:
        variant = event.variant
        self._closed.labels(variant, event.status if event.reason else GONE).inc()
        of = self._nodes[event.node.id]
        of.streams[variant] -= 1
        self._clients[variant] -= of.streams[variant] == 0
        # what was told and awaited on an aggregated stream is over, whichever types those were
        for kind in tuple(of.told) if event.type is None else (event.type,):
            of.told.pop(kind, None)
            self._answered(of, kind)
        if not of.streams.total():
            del self._nodes[event.node.id]

    def _sent(self, event: Sent) -> None:
        counted, of = self._of[event.type], self._nodes[event.node.id]
        counted.responses.inc()
        counted.bytes.inc(event.size)
        before = of.told.get(event.type, event.version)
        changed = before != event.version
        of.told[event.type] = event.version
        self._pending += event.type not in of.waiting
        of.waiting[event.type] = self._cache.set_at(self._group_of(event.node)) if changed else None

    def _acked(self, node: NodeInfo, kind: ResourceType, at: float) -> None:
        counted = self._of[kind]
        counted.acks.inc()
        since = self._answered(self._nodes[node.id], kind)
        if since is not None:
            counted.push.observe(max(0.0, at - since))  # a wall clock may be set back

    def _nacked(self, node: NodeInfo, kind: ResourceType | None) -> None:
        """A NACK that names several resources is told once for each: the first one counts."""
        of = self._nodes[node.id]
        if kind is not None and kind in of.waiting:
            self._of[kind].nacks.inc()
            self._answered(of, kind)

    def _answered(self, of: _Node, kind: ResourceType) -> float | None:
        """Since when the change is served that was answered; ``None`` where it was none."""
        self._pending -= kind in of.waiting
        return of.waiting.pop(kind, None)
