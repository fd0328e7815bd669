"""A caller's connections to a service: how they are made, what they speak, and when they go.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/connection_pooling
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mesh_patterns.compile.values import HTTP_OPTIONS, protocol_options
from mesh_patterns.draft import Placed
from mesh_patterns.policy import ConnectionPool, Keepalive
from xds_server.mirror import any_of
from xds_server.protos import cluster, core, http_options, protobuf

Settings = Mapping[str, Placed[Any]]


def of(settings: Settings) -> ConnectionPool:
    """What is set of it."""
    placed = settings.get("connection_pool")
    return placed.value if placed else ConnectionPool()


def fields(settings: Settings) -> dict[str, Any]:
    """What of it a cluster has whatever it speaks."""
    pool = of(settings)
    found: dict[str, Any] = {}
    if pool.connect_timeout is not None:
        found["connect_timeout"] = pool.connect_timeout
    if pool.keepalive is not None:
        found["upstream_connection_options"] = cluster.UpstreamConnectionOptions(
            tcp_keepalive=_keepalive(pool.keepalive)
        )
    return found


def origins(settings: Settings) -> dict[str, str]:
    """Its lines."""
    placed = settings.get("connection_pool")
    names = ("connect_timeout", "upstream_connection_options", "typed_extension_protocol_options")
    return dict.fromkeys(names, str(placed.place)) if placed else {}


def _keepalive(given: Keepalive) -> core.TcpKeepalive:
    return core.TcpKeepalive(
        keepalive_probes=given.probes,
        keepalive_time=_seconds(given.idle),
        keepalive_interval=_seconds(given.interval),
    )


def _seconds(given: timedelta | None) -> int | None:
    return None if given is None else round(given.total_seconds())


def options(protocol: str, requests: bool, settings: Settings) -> dict[str, protobuf.Any]:
    """What a cluster speaks to the hosts of a service of this protocol; of HTTP, also how long one
    connection is used.
    """
    pool = of(settings)
    common: dict[str, Any] = {
        "idle_timeout": pool.idle_timeout,
        "max_connection_duration": pool.max_connection_duration,
        "max_requests_per_connection": pool.max_requests_per_connection,
    }
    given = {name: value for name, value in common.items() if value is not None}
    if not requests or not (given or pool.protocol or pool.max_concurrent_streams or pool.ping):
        return protocol_options(protocol)
    made = http_options.HttpProtocolOptions(
        common_http_protocol_options=core.HttpProtocolOptions(**given) if given else None,
        **_speaks("http2" if protocol == "grpc" else pool.protocol or "http1", pool),
    )
    return {HTTP_OPTIONS: any_of(made)}


def _speaks(version: str, pool: ConnectionPool) -> dict[str, Any]:
    http1, http2 = core.Http1ProtocolOptions(), _http2(pool)
    if version == "downstream":
        both = http_options.HttpProtocolOptionsUseDownstreamHttpConfig(
            http_protocol_options=http1, http2_protocol_options=http2
        )
        return {"use_downstream_protocol_config": both}
    explicit = http_options.HttpProtocolOptionsExplicitHttpConfig
    one = (
        explicit(http2_protocol_options=http2)
        if version == "http2"
        else explicit(http_protocol_options=http1)
    )
    return {"explicit_http_config": one}


def _http2(pool: ConnectionPool) -> core.Http2ProtocolOptions:
    ping = pool.ping and core.KeepaliveSettings(interval=pool.ping[0], timeout=pool.ping[1])
    return core.Http2ProtocolOptions(
        max_concurrent_streams=pool.max_concurrent_streams, connection_keepalive=ping
    )
