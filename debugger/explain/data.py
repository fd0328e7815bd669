"""An explanation as JSON-like data: all of it, derived and observed apart."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from debugger.explain.explanation import Explanation
from debugger.explain.lines import steps
from debugger.explain.served import Piece, Served
from debugger.explain.way import Derived, Way
from debugger.routing.decision import Decision, RouteLook
from mesh_traffic import Request


def as_data(it: Explanation) -> dict[str, Any]:
    """``agree`` is null where there was nothing to compare."""
    return {
        "request": _request(it.asked.request),
        "node": it.served.node,
        "direction": it.asked.direction,
        "ports": list(it.ports),
        "served": _served(it.served),
        "steps": [asdict(each) for each in steps(it)],
        "derived": _derived(it.derived) if it.derived else None,
        "observed": asdict(it.observed) if it.observed else None,
        "checks": [asdict(each) for each in it.checks],
        "agree": it.agree if it.checks else None,
        "notes": list(it.notes),
    }


def _request(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "authority": request.authority,
        "scheme": request.scheme,
        "headers": [list(each) for each in request.headers],
    }


def _served(served: Served) -> dict[str, Any]:
    return {
        "known": served.known,
        "version": served.version,
        "since": served.since,
        "until": served.until,
        "settled": served.settled,
        "refused": served.refused,
    }


def _derived(derived: Derived) -> dict[str, Any]:
    return {
        "protocol": derived.protocol,
        "closed": derived.closed,
        "routes": _routes(derived.decision, derived.table) if derived.decision else None,
        "ways": [_way(each) for each in derived.ways],
    }


def _routes(decision: Decision, table: Piece | None) -> dict[str, Any]:
    host = decision.host
    return {
        "table": table.name if table else "",
        "version": table.version if table else "",
        "virtual_host": asdict(host) if host else None,
        "why": decision.host_why,
        "looked": [_look(each, table) for each in decision.looked],
    }


def _look(look: RouteLook, table: Piece | None) -> dict[str, Any]:
    return {
        "index": look.index,
        "name": look.name,
        "holds": look.holds,
        "conditions": [asdict(each) for each in look.conditions],
        "path": look.path,
        "place": table.place(look.path) if table else "",
    }


def _way(way: Way) -> dict[str, Any]:
    return {
        "route": way.route,
        "action": type(way.action).__name__,
        "why": getattr(way.action, "why", ""),
        "status": way.status,
        "location": getattr(way.action, "location", None),
        "place": way.place,
        "filters": [asdict(each) for each in way.filters],
        "clusters": [
            {**asdict(each), "hosts": [asdict(host) for host in each.hosts]} for each in way.targets
        ],
        "cluster_unsure": way.unsure,
        "patience": asdict(way.patience) if way.patience else None,
        "mirrors": [{"cluster": cluster, "place": place} for cluster, place in way.mirrors],
    }
