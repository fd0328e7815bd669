"""One request's way through the mesh: the exchanges of all nodes that saw it → a tree of hops.

Rule 1: a hop is one request from a caller to a callee. The caller's Envoy saw it as it went out,
        the callee's as it came in, once for each try; both have the same ``x-request-id``. A span
        of a program is a hop of its own, below what the program got and above what it sent.
Rule 2: what came in belongs to what went out over the same connection: the one's client is the
        other's ``upstream_local``. A try before the last went over another one: it belongs to a
        hop to that service, in whose time it was.
Rule 3: what a tracer says comes next (``lineage``): a span stands below its parent, and below the
        Envoys that passed it on.
Rule 4: what a workload sent belongs to what came in to it, in whose time it was sent; of several,
        the last that began.
Rule 5: what belongs to nothing is a root: nobody passed an id on, or nobody saw it. So is what
        would close a circle, or stand deeper than ``MAX_DEPTH``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from mesh_traffic import Exchange
from tap.tree.hop import Hop
from tap.tree.lineage import Lineage, with_own_spans

SLACK = 0.005  # seconds; both ends have one clock, but not one moment
MAX_DEPTH = 100  # of hops below one another

__all__ = ["MAX_DEPTH", "Hop", "hops_of"]


def hops_of(exchanges: Iterable[Exchange]) -> list[Hop]:
    """The roots of one request's exchanges, in the order of time. Steps inside of a program, and
    Envoys' own spans, are no hops: they only tell what belongs to what."""
    ordered = sorted(with_own_spans(exchanges), key=lambda exchange: exchange.started)
    lineage = Lineage()
    hops = _hops([each for each in ordered if not lineage.takes(each)])
    lineage.learn(hops)
    parents = _Parents(hops, lineage)
    roots = [hop for hop in hops if not parents.puts_below(hop)]
    for hop in hops:
        hop.then.sort(key=lambda each: each.started)
    return sorted([*roots, *_cut_off(roots)], key=lambda hop: hop.started)


def _hops(ordered: Sequence[Exchange]) -> list[Hop]:
    hops = [Hop(each) for each in ordered if each.direction != "inbound"]
    sent = _Sent(hops)
    for each in ordered:
        if each.direction == "inbound":
            hop = None if each.trace.kind else sent.hop_of(each)
            if hop is None:
                hops.append(Hop(None, [each]))
            else:
                hop.arrived.append(each)
    return hops


class _Sent:
    """What Envoys saw go out, by connection and by service."""

    def __init__(self, hops: Iterable[Hop]) -> None:
        self._connections: dict[str, list[Hop]] = {}
        self._services: dict[str, list[Hop]] = {}
        for hop in hops:
            if hop.sent is not None and not hop.sent.trace.kind:
                if hop.sent.upstream_local:
                    self._connections.setdefault(hop.sent.upstream_local, []).append(hop)
                self._services.setdefault(hop.sent.destination.service, []).append(hop)

    def hop_of(self, arrived: Exchange) -> Hop | None:
        same = self._connections.get(arrived.source.address, ())
        others = self._services.get(arrived.destination.service, ())
        return _last(same, arrived) or _last(others, arrived)


def _last(hops: Sequence[Hop], inner: Exchange) -> Hop | None:
    """Of hops in the order of time, the last in whose time ``inner`` was."""
    return next((hop for hop in reversed(hops) if hop.sent and _within(inner, hop.sent)), None)


class _Parents:
    """Who stands below whom."""

    def __init__(self, hops: Iterable[Hop], lineage: Lineage) -> None:
        self._lineage = lineage
        self._parents: dict[int, Hop] = {}  # by the identity of the hop below
        self._arrived: dict[str, list[tuple[Exchange, Hop]]] = {}  # by service
        self._connections: dict[str, list[tuple[Exchange, Hop]]] = {}
        for hop in hops:
            for each in hop.arrived:
                self._arrived.setdefault(each.destination.service, []).append((each, hop))
            for each in hop.views():
                if each.upstream_local:
                    self._connections.setdefault(each.upstream_local, []).append((each, hop))
        for found in (*self._arrived.values(), *self._connections.values()):
            found.sort(key=lambda pair: pair[0].started)

    def puts_below(self, hop: Hop) -> bool:
        """Whether there is something that it belongs below; it stands there now."""
        for find in (self._of_connection, self._lineage.parent, self._of_workload):
            parent = find(hop)
            if parent is not None and self._is_free(parent, hop):
                self._parents[id(hop)] = parent
                parent.then.append(hop)
                return True
        return False

    def _is_free(self, parent: Hop, hop: Hop) -> bool:
        """Whether no circle is closed."""
        above: Hop | None = parent
        for _ in range(MAX_DEPTH):
            if above is None:
                return True
            if above is hop:
                return False
            above = self._parents.get(id(above))
        return False

    def _of_connection(self, hop: Hop) -> Hop | None:
        """Of a program's own span: the Envoy that it got the request from."""
        span = hop.exchange
        if span.trace.kind != "server" or not span.source.address:
            return None
        return _latest(self._connections.get(span.source.address, ()), span)

    def _of_workload(self, hop: Hop) -> Hop | None:
        inner = hop.exchange
        if inner.trace.kind == "server":
            found = self._arrived.get(inner.destination.service, ())
            return _latest(found, inner, _is_captured) if inner.destination.service else None
        if hop.sent is not None and inner.direction == "outbound":
            found = self._arrived.get(inner.source.service, ())
            return _latest(found, inner, _is_by) if inner.source.service else None
        return None


def _latest(
    found: Sequence[tuple[Exchange, Hop]],
    inner: Exchange,
    belongs: Callable[[Exchange, Exchange], bool] = lambda arrived, inner: True,
) -> Hop | None:
    """The last hop that belongs, in whose time ``inner`` was."""
    for each, hop in reversed(found):
        if each is not inner and belongs(each, inner) and _within(inner, each):
            return hop
    return None


def _is_captured(arrived: Exchange, span: Exchange) -> bool:
    """Whether an Envoy saw it, and not the program itself."""
    return not arrived.trace.kind


def _is_by(arrived: Exchange, sent: Exchange) -> bool:
    """Whether the workload that got the one sent the other. A program has versions of its own."""
    told = arrived.trace.kind or sent.trace.kind
    return bool(told) or sent.source.version in ("", arrived.destination.version)


def _within(inner: Exchange, outer: Exchange) -> bool:
    """Whether the one began while the other was under way."""
    end = float("inf") if outer.duration is None else outer.started + outer.duration
    return outer.started - SLACK <= inner.started <= end + SLACK


def _cut_off(roots: Iterable[Hop]) -> Iterator[Hop]:
    """What stands too deep, as roots of their own."""
    level = list(roots)
    depth = 1
    while level:
        below = [hop for above in level for hop in above.then]
        if depth >= MAX_DEPTH:
            for above in level:
                above.then = []
            yield from below
            depth = 0
        level, depth = below, depth + 1
