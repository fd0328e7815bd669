"""Redis, command by command: each is counted by its name, and pipelined to any host.

https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/redis_proxy_filter
"""

from __future__ import annotations

from datetime import timedelta

from mesh_patterns.compile.entry import Stream
from xds_server.protos import redis_proxy

NAME = "envoy.filters.network.redis_proxy"
OP_TIMEOUT = timedelta(seconds=5)  # of a command; Envoy has no default


def message(stat_prefix: str, stream: Stream) -> redis_proxy.RedisProxy:
    """All keys go to the one cluster; more than that is Redis's own affair."""
    ((cluster, _),) = stream.clusters
    return redis_proxy.RedisProxy(
        stat_prefix=stat_prefix,
        settings=redis_proxy.RedisProxyConnPoolSettings(op_timeout=OP_TIMEOUT),
        prefix_routes=redis_proxy.RedisProxyPrefixRoutes(
            catch_all_route=redis_proxy.RedisProxyPrefixRoutesRoute(cluster=cluster)
        ),
    )
