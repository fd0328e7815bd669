"""Authorization of connections as Envoy's network RBAC filter has it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/rbac_filter
"""

from __future__ import annotations

from mesh_patterns.compile.filters.authorization import policies
from mesh_patterns.policy import Authorization
from xds_server.protos import network_rbac

STATS = "connection."  # its counters are ``connection.rbac.denied`` and so on


def message(meaning: Authorization) -> network_rbac.Rbac:
    """The filter's configuration."""
    rules = policies(meaning)
    if meaning.dry_run:
        return network_rbac.Rbac(shadow_rules=rules, stat_prefix=STATS)
    return network_rbac.Rbac(rules=rules, stat_prefix=STATS)
