"""Whether services keep what they promise, and who spends their error budgets. Plain data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from debugger.traffic.flow import Flow, together

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Kept:
    """One promise of a service: ``availability``, in percent, or a quantile, in seconds.

    ``budget`` is the share of the failures that it may have which are not spent, below 0 where
    there were more; ``None`` of a quantile. ``spent_by`` are the edges that failed, worst first:
    caller, callee, failures.
    """

    service: str
    what: str
    promised: float
    seen: float
    holds: bool
    requests: int
    budget: float | None = None
    spent_by: tuple[tuple[str, str, int], ...] = ()

    def plain(self) -> dict[str, Any]:
        edges = [{"from": a, "to": b, "failed": count} for a, b, count in self.spent_by]
        named = {name: getattr(self, name) for name in ("service", "what", "promised", "seen")}
        more = {"holds": self.holds, "requests": self.requests, "budget": self.budget}
        return {**named, **more, "spent_by": edges}


def kept(objectives: Mapping[str, Mapping[str, Any]], flows: Iterable[Flow]) -> Iterator[Kept]:
    """Of each promise, as a mesh's state names them; who got no request keeps all."""
    found = list(flows)
    served: dict[str, list[Flow]] = defaultdict(list)
    for flow in found:
        if flow.side == "server":
            served[flow.service].append(flow)
    for service, promised in objectives.items():
        parts = served.get(service)
        if not parts:
            continue
        whole = together(parts)
        if promised.get("availability") is not None:
            yield _availability(service, promised["availability"], whole, found)
        for name, seconds in promised.get("latency", {}).items():
            seen = whole.quantile(QUANTILES[name]) / 1000
            yield Kept(service, name, seconds, seen, seen <= seconds, whole.total)


def _availability(service: str, promised: float, whole: Flow, flows: Sequence[Flow]) -> Kept:
    seen = 100 * whole.ok / whole.total
    allowed = whole.total * (100 - promised) / 100
    budget = 1 - whole.failed / allowed
    edges = tuple(_failing(service, flows)) if whole.failed else ()
    return Kept(
        service, "availability", promised, seen, seen >= promised, whole.total, budget, edges
    )


def _failing(service: str, flows: Iterable[Flow]) -> Iterator[tuple[str, str, int]]:
    """The edges to a service, and those from it, that saw failures: what it calls may be why."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for flow in flows:
        if flow.side == "client" and flow.failed and service in (flow.service, flow.peer):
            counts[flow.service, flow.peer] += flow.failed
    for (caller, callee), count in sorted(counts.items(), key=lambda each: -each[1]):
        yield caller, callee, count
