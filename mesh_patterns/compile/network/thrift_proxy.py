"""Thrift, call by call: each goes its own way, on whatever connection it came.

https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/thrift_proxy_filter
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.compile.entry import Stream
from xds_server.protos import thrift_proxy

NAME = "envoy.filters.network.thrift_proxy"


def message(stat_prefix: str, stream: Stream) -> thrift_proxy.ThriftProxy:
    """Framed and binary, as most speak it; every method the same way."""
    (first, _), *more = stream.clusters
    where: dict[str, Any] = {"cluster": first}
    if more:
        clusters = [
            thrift_proxy.WeightedClusterClusterWeight(name=name, weight=weight)
            for name, weight in stream.clusters
        ]
        where = {"weighted_clusters": thrift_proxy.WeightedCluster(clusters=clusters)}
    every = thrift_proxy.Route(
        match=thrift_proxy.RouteMatch(method_name=""),
        route=thrift_proxy.RouteAction(**where),
    )
    table = thrift_proxy.RouteConfiguration(name=stat_prefix, routes=[every])
    return thrift_proxy.ThriftProxy(
        stat_prefix=stat_prefix,
        transport=thrift_proxy.TransportType.FRAMED,
        protocol=thrift_proxy.ProtocolType.BINARY,
        route_config=table,
    )
