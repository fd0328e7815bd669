"""What limits promise: how many are refused at least, where nothing but a bucket decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from mesh_patterns.draft import Draft, Edge, Fault, Filter
from mesh_patterns.limits import LocalRateLimit

REFUSED = 20  # requests beyond a limit that are sent
MAX_SENT = 400
SLOW = timedelta(minutes=1)  # a bucket that is filled more often may be filled meanwhile
_OWN_MIND = frozenset(
    {
        *("wasm", "jwt", "ext_authz", "rate_limit"),
        *("admission_control", "adaptive_concurrency", "connection_rate"),
    }
)


def unforetold(draft: Draft, edge: Edge) -> bool:
    """Whether a filter on the way decides by what nobody here knows."""
    for each in _on_the_way(draft, edge):
        if each.kind in _OWN_MIND or (each.kind, each.layer) == ("authorization", "network"):
            return True
        if isinstance(each.config, Fault) and each.config.max_active is not None:
            return True
    return False


def refused(draft: Draft, edge: Edge) -> dict[str, Any] | None:
    """Of requests that a local limit stands in the way of; ``None`` where none does.

    Others may have used it up, and it may be filled once meanwhile: so only the least is said.
    """
    found = [each for each in _on_the_way(draft, edge) if each.kind == "local_rate_limit"]
    limits = [each.config for each in found if not each.config.shadow]
    if not limits:
        return None
    one = limits[0]
    sends = 2 * one.bucket.tokens * _envoys(draft, edge, found[0]) + REFUSED
    if len(limits) > 1 or not _is_plain(one) or sends > MAX_SENT:
        return {}
    return {"send": sends, "status": {one.status: f">= {REFUSED}"}}


def _is_plain(limit: LocalRateLimit) -> bool:
    fills = limit.bucket.fill == limit.bucket.tokens and limit.bucket.interval >= SLOW
    return fills and not (limit.keys or limit.overrides or limit.per_connection)


def _envoys(draft: Draft, edge: Edge, limit: Filter) -> int:
    """How many have a bucket of their own there."""
    at = edge.callee if limit.inbound else edge.caller
    service = draft.mesh.services.get(at)
    return len(list(service.instances())) if service else 1


def _on_the_way(draft: Draft, edge: Edge) -> Iterator[Filter]:
    yield from draft.filters_on(edge)
    yield from draft.filters_before(edge.callee)
