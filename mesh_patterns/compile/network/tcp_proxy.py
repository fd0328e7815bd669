"""Connections, byte for byte.

https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/tcp_proxy_filter
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.compile.entry import Stream
from xds_server.protos import tcp_proxy

NAME = "envoy.filters.network.tcp_proxy"


def message(stat_prefix: str, stream: Stream) -> tcp_proxy.TcpProxy:
    """One cluster, or several in proportion: a connection stays with the one that it got."""
    (first, _), *more = stream.clusters
    where: dict[str, Any] = {"cluster": first}
    if more:
        clusters = [
            tcp_proxy.TcpProxyWeightedClusterClusterWeight(name=name, weight=weight)
            for name, weight in stream.clusters
        ]
        where = {"weighted_clusters": tcp_proxy.TcpProxyWeightedCluster(clusters=clusters)}
    return tcp_proxy.TcpProxy(
        stat_prefix=stat_prefix,
        idle_timeout=stream.idle,
        max_downstream_connection_duration=stream.longest,
        **where,
    )
