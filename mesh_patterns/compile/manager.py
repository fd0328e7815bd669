"""The HTTP connection manager: how an Envoy reads requests, and what it does with all of them.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/http_conn_man
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from mesh_patterns.compile import telemetry, tls
from mesh_patterns.compile.access_log import access_log
from mesh_patterns.compile.entry import Entry
from mesh_patterns.compile.values import ads
from xds_server.mirror import any_of
from xds_server.protos import hcm, listener

NAME = "envoy.filters.network.http_connection_manager"


def http(entry: Entry, chain: Sequence[hcm.HttpFilter], captured: bool) -> listener.Filter:
    """The entry's; its routes come by RDS under the entry's name."""
    logs = [telemetry.access_log(each.value) for each in entry.logs]
    usual: dict[str, Any] = {"use_remote_address": entry.direction == "ingress"}
    if entry.hardened:
        from mesh_patterns.compile import hardening  # which few meshes need

        usual |= hardening.fields(entry.hardened.value)
    manager = hcm.HttpConnectionManager(
        stat_prefix=entry.name,
        rds=hcm.Rds(config_source=ads(), route_config_name=entry.name),
        http_filters=list(chain),
        preserve_external_request_id=True,
        normalize_path=True,
        # a held or delayed request may be quiet for long; the pattern's timeouts bound it instead
        stream_idle_timeout=timedelta(0),
        upgrade_configs=[hcm.HttpConnectionManagerUpgradeConfig(upgrade_type="websocket")],
        access_log=[access_log(), *logs] if captured else logs,
        tracing=telemetry.tracer(entry.traces.value, entry.whose, captured)
        if entry.traces
        else None,
        **usual,
        **tls.told_caller(entry),
    )
    return listener.Filter(name=NAME, typed_config=any_of(manager))
