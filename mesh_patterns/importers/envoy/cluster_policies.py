"""What a cluster says besides its hosts, as patterns about its service.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mesh_patterns.importers.envoy import health_checks, load_balancers, outliers
from mesh_patterns.importers.envoy.clusters import Cluster
from mesh_patterns.importers.envoy.message import Message
from mesh_yaml.node import Node

Made = dict[str, Any]

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_LIMITS = (
    "max_connections", "max_pending_requests", "max_requests", "max_retries",
)  # fmt: skip
# What says nothing of requests, or what is so here anyway.
_USUAL = (
    "name", "type", "alt_stat_name", "respect_dns_ttl", "ignore_health_on_host_removal", "metadata",
    "load_assignment", "hosts", "transport_socket", "tls_context", "http_protocol_options",
)  # fmt: skip
_FAMILIES = frozenset({"", "AUTO", "V4_ONLY", "V4_PREFERRED"})


def patterns(cluster: Cluster) -> Iterator[Node]:
    """One for each thing that it says; then what is left is told."""
    message = cluster.message
    for kind, read in _PARTS.items():
        made = read(message, cluster)
        if made and cluster.asked:
            message.left_out(f"{kind}: a filter asks this cluster by its name")
        elif made:
            fields = {"pattern": kind, "on": cluster.service, **made}
            yield Node.of(fields, message.place)
    if message.word("dns_lookup_family") in _FAMILIES:
        message.ignore("dns_lookup_family")
    message.ignore(*_USUAL)
    message.rest()


def _circuit_breaker(message: Message, cluster: Cluster) -> Made:
    breakers = message.part("circuit_breakers")
    made: Made = {}
    for limits in breakers.parts("thresholds") if breakers else ():
        if limits.word("priority", "DEFAULT") != "DEFAULT":
            limits.left_out("circuit_breakers of priority HIGH")
            continue
        made |= {name: value for name in _LIMITS if (value := limits.get(name)) is not None}
        limits.ignore("track_remaining")
        limits.rest("thresholds.")
    for limits in breakers.parts("per_host_thresholds") if breakers else ():
        if (most := limits.get("max_connections")) is not None:
            made["max_connections_per_host"] = most
        limits.rest("per_host_thresholds.")
    return made


def _connection_pool(message: Message, cluster: Cluster) -> Made:
    made: Made = {}
    if (timeout := message.get("connect_timeout")) is not None:
        made["connect_timeout"] = timeout
    if (most := message.get("max_requests_per_connection")) is not None:
        made["max_requests_per_connection"] = most
    made |= _options(message)
    http2 = made.pop("http2", None) or message.get("http2_protocol_options")
    if http2 is not None:
        streams = _streams(message.within(http2))
        made |= _spoken(cluster) | streams
    if cluster.protocol not in ("http", "grpc"):
        made = {name: value for name, value in made.items() if name == "connect_timeout"}
    connection = message.part("upstream_connection_options")
    alive = connection.part("tcp_keepalive") if connection else None
    if alive is not None:
        made["tcp_keepalive"] = _keepalive(alive)
    return made


def _spoken(cluster: Cluster) -> Made:
    """HTTP/2 is gRPC's where the echo stands in: that speaks it in no other way."""
    if cluster.addresses or cluster.protocol == "grpc":
        return {"protocol": "http2"} if cluster.protocol == "http" else {}
    cluster.protocol = "grpc"
    cluster.message.left_out("HTTP/2: the echo speaks gRPC")
    return {}


def _options(message: Message) -> Made:
    """Those of HTTP, in the extension of their own."""
    made: Made = {}
    for name, node in message.entries("typed_extension_protocol_options"):
        options = message.within(node)
        if name != OPTIONS:
            options.left_out(f"typed_extension_protocol_options of {name}")
            continue
        options.ignore("@type", "upstream_http_protocol_options")
        made |= _common(options.part("common_http_protocol_options"))
        made |= _protocol(options)
        options.rest("HttpProtocolOptions.")
    return made


def _common(common: Message | None) -> Made:
    if common is None:
        return {}
    names = {
        "idle_timeout": "idle_timeout", "max_connection_duration": "max_connection_duration",
        "max_requests_per_connection": "max_requests_per_connection",
    }  # fmt: skip
    made = {ours: value for theirs, ours in names.items() if (value := common.get(theirs))}
    common.rest("common_http_protocol_options.")
    return made


def _protocol(options: Message) -> Made:
    explicit, auto = options.part("explicit_http_config"), options.get("auto_config")
    like = options.get("use_downstream_protocol_config")
    if explicit is not None:
        http2 = explicit.get("http2_protocol_options")
        explicit.ignore("http_protocol_options")
        explicit.rest("explicit_http_config.")
        return {"http2": http2} if http2 is not None else {}
    if like is not None:
        return {"protocol": "downstream"}
    if auto is not None:
        options.left_out("auto_config: HTTP/1.1 is spoken", auto)
    return {}


def _streams(http2: Message) -> Made:
    most = http2.get("max_concurrent_streams")
    alive = http2.part("connection_keepalive")
    made: Made = {} if most is None else {"max_concurrent_streams": most}
    if alive is not None and (each := alive.get("interval")) and (by := alive.get("timeout")):
        made["ping"] = {"interval": each, "timeout": by}
    http2.rest("http2_protocol_options.")
    return made


def _keepalive(alive: Message) -> Made:
    names = {"keepalive_probes": "probes"}
    times = {"keepalive_time": "idle", "keepalive_interval": "interval"}
    made: Made = {ours: value for theirs, ours in names.items() if (value := alive.get(theirs))}
    for theirs, ours in times.items():
        if (seconds := alive.get(theirs)) is not None:
            made[ours] = Node(f"{seconds.text()}s", seconds.place)
    return made


def _load_balancing(message: Message, cluster: Cluster) -> Made:
    return load_balancers.read(message, cluster.hash_keys)


def _health_check(message: Message, cluster: Cluster) -> Made:
    return health_checks.read(message)


def _outlier_detection(message: Message, cluster: Cluster) -> Made:
    return outliers.read(message, len(cluster.addresses) or cluster.replicas)


_PARTS: dict[str, Callable[[Message, Cluster], Made]] = {
    "circuit_breaker": _circuit_breaker,
    "connection_pool": _connection_pool,
    "load_balancing": _load_balancing,
    "health_check": _health_check,
    "outlier_detection": _outlier_detection,
}
