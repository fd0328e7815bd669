"""All that is stored of one request: its exchanges and spans, by the ids that they share.

A service may pass on the ``x-request-id`` and no trace context, or the other way round, so what was
found is asked for its other ids. A program whose caller had no trace begins one: its first span is
found by the connection over which the request came.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_traffic import Exchange
from tap.tree.hop import Hop
from tap.tree.hops import SLACK
from tap.tree.trace_context import context

if TYPE_CHECKING:
    from tap.store import Reader

MAX_RELATED = 2_000  # exchanges and spans of one request
MAX_IDS = 32  # of requests and traces that are looked for
MAX_ROUNDS = 6  # a store has no index for these ids, and each round reads its columns
MAX_AROUND = 5_000  # exchanges that started while it was under way, which may share a connection
LONGEST = 60.0  # seconds before a span in which the request began that led to it, at most


@dataclass(slots=True)
class _Search:
    reader: Reader
    asked: Exchange
    found: dict[str, Exchange] = field(default_factory=dict)
    requests: set[str] = field(default_factory=set)
    traces: set[str] = field(default_factory=set)

    def add(self, exchanges: Iterable[Exchange]) -> None:
        for each in exchanges:
            if len(self.found) >= MAX_RELATED:
                return
            self.found.setdefault(each.id, each)

    def new_ids(self) -> bool:
        """Take the ids of what was found; whether there is one that was not known."""
        before = len(self.requests), len(self.traces)
        for each in self.found.values():
            self.requests |= _room(self.requests, each.request_id)
            self.traces |= _room(self.traces, context(each).trace_id)
        return before != (len(self.requests), len(self.traces))

    def by_ids(self) -> None:
        near = self.asked.started
        self.add(self.reader.related(self.requests, self.traces, near, MAX_RELATED))

    def by_connection(self) -> None:
        """Programs' first spans, and the Envoys that they got their requests from."""
        spans = [one for one in self.found.values() if _begins(one)]
        captured = [one for one in self.found.values() if one.upstream_local]
        if not spans and not captured:
            return
        first = min(one.started for one in (*spans, *captured))
        last = max(one.started + (one.duration or 0.0) for one in (*spans, *captured))
        first -= LONGEST if spans else SLACK
        around = self.reader.around(first, last + SLACK, MAX_AROUND)
        locals_ = {one.upstream_local for one in captured}
        peers = {one.source.address for one in spans}
        self.add(one for one in around if _begins(one) and one.source.address in locals_)
        self.add(one for one in around if one.upstream_local and one.upstream_local in peers)


def related(reader: Reader, asked: Exchange) -> list[Exchange]:
    """All that is stored of the request that ``asked`` is of, and what shares its ids."""
    search = _Search(reader, asked)
    search.add([asked])
    search.new_ids()
    for _ in range(MAX_ROUNDS):
        search.by_ids()
        search.by_connection()
        if not search.new_ids() or len(search.found) >= MAX_RELATED:
            break
    return list(search.found.values())


def of_request(roots: Iterable[Hop], asked: Exchange) -> list[Hop]:
    """Those trees that are of its request, and not of another one that a client put into the same
    trace: they have its request id, or none at all."""
    return [root for root in roots if _is_of(root, asked)]


def _is_of(root: Hop, asked: Exchange) -> bool:
    views = [view for hop in root.walk() for view in hop.views()]
    ids = {view.request_id for view in views} - {""}
    return not ids or asked.request_id in ids or any(view.id == asked.id for view in views)


def _begins(span: Exchange) -> bool:
    """Whether it is the first span of its trace, at a program."""
    return span.trace.kind == "server" and not span.trace.parent_span_id and not span.request_id


def _room(known: set[str], one: str) -> set[str]:
    return {one} if one and len(known) < MAX_IDS else set()
