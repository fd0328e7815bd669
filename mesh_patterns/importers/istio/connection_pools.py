"""A ``connectionPool`` as the patterns that mean the same, with Istio's defaults: what is not
limited by name is not limited.

https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings
"""

from __future__ import annotations

from collections.abc import Iterator

from mesh_patterns.importers.istio.hosts_policies import pattern
from mesh_patterns.importers.istio.settings import Made, taken
from mesh_patterns.importers.istio.source import Source
from mesh_yaml.node import Node

UNLIMITED = 2**32 - 1

_LIMITS = {
    ("tcp", "maxConnections"): "max_connections",
    ("http", "http1MaxPendingRequests"): "max_pending_requests",
    ("http", "http2MaxRequests"): "max_requests",
    ("http", "maxRetries"): "max_retries",
}
_TIMES = {
    ("tcp", "connectTimeout"): "connect_timeout",
    ("tcp", "maxConnectionDuration"): "max_connection_duration",
    ("http", "idleTimeout"): "idle_timeout",
    ("http", "maxRequestsPerConnection"): "max_requests_per_connection",
}
_KEEPALIVE = {"time": "idle", "interval": "interval", "probes": "probes"}
_HTTP2 = ("h2UpgradePolicy", "useClientProtocol", "maxConcurrentStreams")


def patterns(on: str, pool: Node, protocol: str, source: Source) -> Iterator[Node]:
    """The limits, and what is said of the connections; ``protocol`` is the service's."""
    notes = source.notes
    notes.leftovers(pool, ("tcp", "http"), source.owner, "connectionPool.")
    more = {"tcp": ("tcpKeepalive",), "http": _HTTP2}
    limits: Made = {}
    found: Made = {}
    for part, others in more.items():
        settings = pool.get(part)
        if settings is not None:
            names = {name: ours for (of, name), ours in (_LIMITS | _TIMES).items() if of == part}
            notes.leftovers(settings, (*names, *others), source.owner, f"connectionPool.{part}.")
            limits |= _some(settings, {n: o for (of, n), o in _LIMITS.items() if of == part})
            found |= _some(settings, {n: o for (of, n), o in _TIMES.items() if of == part})
    found |= _keepalive(pool, source) | _spoken(pool, protocol, source)
    if limits:
        rest = {name: UNLIMITED for name in _LIMITS.values() if name not in limits}
        yield pattern("circuit_breaker", on, limits | rest, pool)
    if found:
        yield pattern("connection_pool", on, found, pool)


def _some(settings: Node, names: dict[str, str]) -> Made:
    """A zero is one that is not set."""
    return {ours: node for ours, node in taken(settings, names).items() if node.value != 0}


def _keepalive(pool: Node, source: Source) -> Made:
    tcp = pool.get("tcp")
    given = tcp.get("tcpKeepalive") if tcp is not None else None
    if given is None:
        return {}
    source.notes.leftovers(given, _KEEPALIVE, source.owner, "connectionPool.tcp.tcpKeepalive.")
    return {"tcp_keepalive": Node.of(_some(given, _KEEPALIVE), given.place)}


def _spoken(pool: Node, protocol: str, source: Source) -> Made:
    """HTTP/1.1 or HTTP/2, and what only the latter has."""
    http = pool.get("http")
    if http is None:
        return {}
    made: Made = {}
    policy, client = http.get("h2UpgradePolicy"), http.get("useClientProtocol")
    if client is not None and client.value is True:
        made["protocol"] = Node("downstream", client.place)
    elif policy is not None and policy.value == "UPGRADE":
        made["protocol"] = Node("http2", policy.place)
    streams = http.get("maxConcurrentStreams")
    if streams is not None and streams.value:
        if made or protocol == "grpc":
            made["max_concurrent_streams"] = streams
        else:
            source.skip("connectionPool.http.maxConcurrentStreams without HTTP/2", streams)
    return made
