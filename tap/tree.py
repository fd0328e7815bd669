"""One request's way through the mesh: the exchanges of all nodes that saw it → a tree of hops.

Rule 1: a hop is one request from a caller to a callee. The caller's Envoy saw it as it went out,
        the callee's as it came in, once for each try; both have the same ``x-request-id``.
Rule 2: what came in belongs to what went out over the same connection: the one's client is the
        other's ``upstream_local``. A try before the last went over another one: it belongs to a
        hop to that service, in whose time it was.
Rule 3: what a workload sent belongs to what came in to it, in whose time it was sent; of several,
        the last that began.
Rule 4: what belongs to nothing is a root: nobody passed the request id on, or nobody saw it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mesh_traffic import Exchange

SLACK = 0.005  # seconds; both ends have one clock, but not one moment


@dataclass(slots=True)
class Hop:
    """``sent`` is the caller's view, None if no Envoy of its own saw it go; ``arrived`` are the
    callee's, one for each try that came to it, in their order. ``then`` are the hops that the
    callee made of it."""

    sent: Exchange | None
    arrived: list[Exchange] = field(default_factory=list)
    then: list[Hop] = field(default_factory=list)

    @property
    def exchange(self) -> Exchange:
        """The view that tells most: the caller's, or else that of the last try."""
        return self.sent or self.arrived[-1]

    @property
    def started(self) -> float:
        return (self.sent or self.arrived[0]).started

    def walk(self) -> Iterator[Hop]:
        """This hop and all below it, in their order."""
        yield self
        for each in self.then:
            yield from each.walk()


def hops_of(exchanges: Iterable[Exchange]) -> list[Hop]:
    """The roots of one request's exchanges, in the order of time."""
    ordered = sorted(exchanges, key=lambda exchange: exchange.started)
    hops = [Hop(each) for each in ordered if each.direction != "inbound"]
    for each in ordered:
        if each.direction == "inbound":
            hop = _over_the_same_connection(hops, each) or _in_the_time_of(hops, each)
            if hop is None:
                hops.append(Hop(None, [each]))
            else:
                hop.arrived.append(each)
    roots = [hop for hop in hops if not _is_put_below(hop, hops)]
    for hop in hops:
        hop.then.sort(key=lambda each: each.started)
    return sorted(roots, key=lambda hop: hop.started)


def _over_the_same_connection(hops: Sequence[Hop], arrived: Exchange) -> Hop | None:
    def same(sent: Exchange) -> bool:
        return bool(sent.upstream_local) and sent.upstream_local == arrived.source.address

    return _last(hops, arrived, same)


def _in_the_time_of(hops: Sequence[Hop], arrived: Exchange) -> Hop | None:
    service = arrived.destination.service
    return _last(hops, arrived, lambda sent: sent.destination.service == service)


def _last(hops: Sequence[Hop], inner: Exchange, belongs: Callable[[Exchange], bool]) -> Hop | None:
    found = [hop for hop in hops if hop.sent and belongs(hop.sent) and _within(inner, hop.sent)]
    return max(found, key=lambda hop: hop.started, default=None)


def _is_put_below(hop: Hop, hops: Sequence[Hop]) -> bool:
    """Whether somebody sent it because of something that had come in; it stands below that now."""
    sent = hop.sent
    if sent is None or sent.direction != "outbound" or not sent.source.service:
        return False
    below = {id(each) for each in hop.walk()}  # two clocks' slack must not close a circle
    found = [
        (arrived.started, other)
        for other in hops
        for arrived in other.arrived
        if id(other) not in below and _is_of(arrived, sent) and _within(sent, arrived)
    ]
    if not found:
        return False
    _, parent = max(found, key=lambda each: each[0])
    parent.then.append(hop)
    return True


def _is_of(arrived: Exchange, sent: Exchange) -> bool:
    """Whether the workload that got the one sent the other."""
    got, by = arrived.destination, sent.source
    return got.service == by.service and by.version in ("", got.version)


def _within(inner: Exchange, outer: Exchange) -> bool:
    """Whether the one began while the other was under way."""
    end = float("inf") if outer.duration is None else outer.started + outer.duration
    return outer.started - SLACK <= inner.started <= end + SLACK
