"""What a caller's cluster promises: how many of many requests at a time are refused, and who gets
how many.

A breaker's limit is exact while all requests are under way, so it takes a delay that is certain.
Whom a hash chooses depends on ports; that all requests of one hash go to the same does not.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from mesh_patterns.draft import Draft, Edge, Fault, Filter, Rule, Target, Weighted
from mesh_patterns.policy import CircuitBreaker, ConnectionPool, LoadBalancing, OutlierDetection
from mesh_traffic import Headers, Request

BEYOND = 5  # requests more than a breaker lets through
MAX_LIMIT = 100  # requests at a time that are worth sending to see the one more refused
LONG = 0.3  # seconds in which all requests are under way
TURNS = 20  # requests for each version, when they take turns
OFF = 2  # what several workers of an Envoy may be off by, or requests that are under way
FEW = 3  # hosts; with one of two out Envoy might panic
SEEN = timedelta(seconds=10)
GATEWAY = (502, 503, 504)
BY_LUCK = ("random", "least_request")  # who is idle is chosen by luck
SOMEBODY = "somebody"  # what is hashed
EQUAL_SENDS = 500
SIGMAS = 3.5


def leads(edge: Edge, rule: Rule) -> tuple[Weighted, ...]:
    """The rule's own split, or the edge's."""
    return rule.split or (edge.split.value if edge.split else ())


def uncertain(draft: Draft, edge: Edge, rule: Rule, *, delay: float, fails: bool) -> bool:
    """Whether limits and ejections make the outcome hard to foretell."""
    if edge.versions or rule.value("priority") or edge.value(rule, "takeover"):
        return True
    if (_of(edge, "connection_pool") or ConnectionPool()).hasty:
        return True
    breaker = _of(edge, "circuit_breaker") or CircuitBreaker()
    narrow = (
        breaker.max_connections, breaker.max_pending_requests, breaker.max_connections_per_host
    )  # fmt: skip
    if any(limit is not None and (limit == 0 or delay) for limit in narrow):
        return True
    if fails and (_of(edge, "outlier_detection") or breaker != CircuitBreaker()):
        return True
    others = {each.target.service for each in leads(edge, rule)} - {edge.callee}
    ways = [edge, *(draft.edges.get((edge.caller, service)) for service in others)]
    return bool(others) and any(way and "circuit_breaker" in way.settings for way in ways)


def shed(edge: Edge, rule: Rule, *, delay: float, fine: int) -> dict[str, Any] | None:
    """What comes of more requests at a time than the breaker lets through.

    ``None``: it has no say; nothing: it has, and what is not foretold. ``fine`` is the status of
    those that get through.
    """
    breaker = _of(edge, "circuit_breaker")
    limit = breaker.max_requests if breaker else None
    if limit is None:
        return None
    if limit == 0:
        return {"status": 503} if fine else {}
    if not delay:
        return None
    if delay < LONG or limit > MAX_LIMIT or len(leads(edge, rule)) > 1 or not fine:
        return {}
    if edge.value(rule, "mirror"):
        return {}
    count = limit + BEYOND
    return {
        "send": count,
        "concurrency": count,
        "status": {fine: str(limit), 503: str(BEYOND)},
        "upstream_ratio": f"{limit / count - 0.001:.3f}..{limit / count + 0.001:.3f}",
    }


def ejected(draft: Draft, edge: Edge) -> dict[str, Any]:
    """That a version which always fails, of three or more, is left out after so many failures."""
    service = draft.mesh.services[edge.callee]
    status = _broken(draft, edge) if service.protocol == "http" else 0
    limit = _failures(_of(edge, "outlier_detection"), status)
    plain = not edge.rules and not edge.split and set(edge.settings) == {"outlier_detection"}
    hosts = service.hosts_there
    if hosts != len(service.versions):  # who always fails are several
        return {}
    if not limit or not plain or hosts < FEW or not _stays_out(edge):
        return {}
    send = hosts * (limit + TURNS)
    return {"send": send, "status": {status: f"{limit}..{limit + OFF}"}}


def _broken(draft: Draft, edge: Edge) -> int:
    """The status that one version, and it alone, always fails with; 0 where it is not so simple."""
    faults = [
        each
        for each in draft.filters
        if each.kind in ("fault", "authorization")
        and (each.edge == (edge.caller, edge.callee) or _at(each) == edge.callee)
    ]
    only = faults[0] if len(faults) == 1 else None
    if only is None or only.inbound is None or not isinstance(only.config, Fault):
        return 0
    fault = only.config
    certain = fault.abort_percent == 100 and not fault.headers and fault.delay is None
    return fault.abort_status or 0 if certain and only.inbound.version else 0


def _at(each: Filter) -> str | None:
    return each.inbound.service if each.inbound else None


def _failures(outliers: OutlierDetection | None, status: int) -> int:
    """After how many failures of this status in a row a host is out; 0: never."""
    if outliers is None or outliers.max_ejection_percent is not None:
        return 0
    found = [outliers.consecutive_5xx] if status >= 500 else []
    if status in GATEWAY:
        found.append(outliers.consecutive_gateway_failure)
    return min((limit for limit in found if limit), default=0)


def _stays_out(edge: Edge) -> bool:
    """Long enough to be seen."""
    outliers: OutlierDetection = _of(edge, "outlier_detection")
    return outliers.base_ejection_time is None or outliers.base_ejection_time >= SEEN


def turns(draft: Draft, edge: Edge) -> dict[str, Any]:
    """The share of each host where a policy, and nothing else, decides."""
    balance, service = _of(edge, "load_balancing"), draft.mesh.services[edge.callee]
    hosts = list(service.instances())
    if balance is None or len(hosts) < 2:
        return {}
    if balance.policy == "round_robin":
        send, bounds = TURNS * len(hosts), f"{TURNS - OFF}..{TURNS + OFF}"
    elif balance.policy in BY_LUCK:
        send, bounds = EQUAL_SENDS, by_luck(EQUAL_SENDS, 1 / len(hosts))
    else:
        return {}
    several = len(hosts) > len(service.versions)
    named = (
        Target(each.service, each.version, each.replica if several else None) for each in hosts
    )
    shares = {str(each): bounds for each in named}
    return {"send": send, "share": shares}


def hashed(edge: Edge, host: str) -> Request | None:
    """A request that has everything that is hashed; ``None`` where nothing is, or what is no field
    of its own: ``:path``.
    """
    balance: LoadBalancing | None = _of(edge, "load_balancing")
    if not balance or not balance.hash or any(key.name.startswith(":") for key in balance.hash):
        return None
    parts = {kind: [k for k in balance.hash if k.kind == kind] for kind in ("cookie", "query")}
    fields = [(key.name, SOMEBODY) for key in balance.hash if key.kind == "header"]
    if parts["cookie"]:
        fields.append(("cookie", "; ".join(f"{key.name}={SOMEBODY}" for key in parts["cookie"])))
    query = urlencode([(key.name, SOMEBODY) for key in parts["query"]])
    return Request("GET", f"/?{query}" if query else "/", host, headers=Headers.of(fields))


def stays(draft: Draft, edge: Edge, request: Request) -> dict[str, Any]:
    """That all requests like this go to one host, if it has everything that is hashed."""
    service = draft.mesh.services[edge.callee]
    hosts = service.hosts_there
    if hosts < 2 or request != hashed(edge, request.authority):
        return {}
    return {"send": TURNS, "versions" if hosts == len(service.versions) else "replicas": 1}


def by_luck(send: int, share: float) -> str:
    """Bounds that a true share of so many requests keeps, but for once in 2,000 times."""
    off = SIGMAS * math.sqrt(send * share * (1 - share))
    return f"{max(0, math.floor(send * share - off))}..{min(send, math.ceil(send * share + off))}"


def _of(edge: Edge, name: str) -> Any:
    placed = edge.settings.get(name)
    return placed.value if placed else None
