"""A limit of open connections.

https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/connection_limit_filter
"""

from __future__ import annotations

from mesh_patterns.policy import ConnectionLimit
from xds_server.protos import connection_limit


def message(meaning: ConnectionLimit) -> connection_limit.ConnectionLimit:
    """The filter's configuration; its counters are ``connection_limit.meshloom.…``."""
    return connection_limit.ConnectionLimit(
        stat_prefix="meshloom", max_connections=meaning.connections, delay=meaning.delay
    )
