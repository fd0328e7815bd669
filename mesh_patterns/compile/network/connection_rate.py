"""A rate of new connections.

https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/local_rate_limit_filter
"""

from __future__ import annotations

from mesh_patterns.compile.values import token_bucket
from mesh_patterns.limits import ConnectionRate
from xds_server.protos import network_local_rate_limit as messages


def message(meaning: ConnectionRate) -> messages.LocalRateLimit:
    """The filter's configuration; its counters are ``local_rate_limit.meshloom.…``."""
    return messages.LocalRateLimit(
        stat_prefix="meshloom", token_bucket=token_bucket(meaning.bucket)
    )
