"""How an Envoy of the mesh starts: its bootstrap config and its arguments.

Pure functions over plain data, so that Envoys can be started before the message classes are
imported. Envoy is LIVE about 50 ms after its start when the control plane is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mesh_patterns.placement import CAPTURES, GATE, PROCESSOR
from mini_mesh.ports import LOOPBACK

XDS_CLUSTER = "meshloom:xds"  # no service's name holds a colon
# Between two tries to reach the control plane, jittered. Envoy's own default is 0.5 s growing to
# 30 s: after a restart of the control plane it comes back within 1 s, with these within 0.1 s.
RECONNECT = {"base_interval": "0.05s", "max_interval": "0.1s"}
MAX_CONNECTIONS = 100_000  # Envoy warns at every start where no limit is set
# Requests of which it tells at a time. Envoy's default of 1,024 is reached by few that take long;
# with more, what a processor can't keep up with would come later than anybody waits for it.
MAX_PROCESSED = 2048
MAX_GATED = 4096  # that may be held, or asked about, at a time
# Envoy would warn of each request beyond that, and of each that it tells while nobody listens: a
# line of log for a request. The hub counts them.
NO_WORD_OF_LOSSES = ("--component-log-level", "ext_proc:error")
DRAIN_SECONDS = 10  # what requests on a replaced listener have left; Envoy's default is 600
# Milliseconds until a line of an access log is in its file; Envoy's default is ten seconds
FLUSHED = 200
# Spans come as soon as somebody who captures can use them; Envoy waits for 5 of them, or for 5 s
_SPANS = {"tracing": {"opentelemetry": {"min_flush_spans": 1, "flush_interval_ms": 50}}}
_RUNTIME = {
    "layers": [{"name": "captures", "static_layer": _SPANS}, {"name": "admin", "admin_layer": {}}]
}
LOG_FORMAT = "%l\t%n\t%v"  # level, logger, message; newlines in it are escaped

_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_MONITOR = "envoy.resource_monitors.global_downstream_max_connections"
_MONITOR_CONFIG = (
    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
)


@dataclass(frozen=True, slots=True)
class EnvoyNode:
    """Who an Envoy says that it is, and where it listens for us and finds the control plane.

    ``reports``: it tells the control plane what load it has (LRS). ``checks``: it offers to check
    for it whether endpoints are well (HDS). ``captures`` is the Unix socket of who reads its access
    logs, ``processor`` of who takes whole requests, ``gate`` of who may hold them.
    """

    id: str
    cluster: str
    xds_port: int
    admin_port: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    delta: bool = True  # incremental xDS; else state of the world
    fetch_timeout: float = 0.0  # seconds until it starts without its config; 0: never
    reports: bool = False
    checks: bool = False
    captures: Path | None = None
    processor: Path | None = None
    gate: Path | None = None


def bootstrap(node: EnvoyNode) -> dict[str, Any]:
    """The bootstrap as JSON-like data (config.bootstrap.v3.Bootstrap)."""
    identity = {"id": node.id, "cluster": node.cluster, "metadata": dict(node.metadata)}
    return {
        "node": identity,
        "admin": {"address": _address(node.admin_port)},
        "dynamic_resources": _dynamic_resources(node),
        "static_resources": {"clusters": list(_clusters(node))},
        "overload_manager": _overload_manager(),
        "stats_flush_on_admin": True,  # histograms are fresh whenever somebody reads /stats
        **({"cluster_manager": {"load_stats_config": _stream("GRPC")}} if node.reports else {}),
        **({"hds_config": _stream("GRPC")} if node.checks else {}),
        **({"layered_runtime": _RUNTIME} if node.captures else {}),
    }


def arguments(
    envoy: Path,
    config: Mapping[str, Any],
    *,
    concurrency: int = 1,
    log_level: str = "warning",
    drain_seconds: int = DRAIN_SECONDS,
    more: Sequence[str] = (),
) -> list[str]:
    """The command that starts ``envoy`` with ``config``.

    Without hot restart there is no shared memory to leave behind after a SIGKILL, no base id to
    find, and 5 ms less to wait. Clients of a replaced listener are told at once to connect anew.
    """
    return [
        str(envoy),
        *("--config-yaml", json.dumps(config)),
        *("--concurrency", str(concurrency)),
        "--disable-hot-restart",
        *("--drain-time-s", str(drain_seconds), "--drain-strategy", "immediate"),
        *("--file-flush-interval-msec", str(FLUSHED)),
        *("--log-level", log_level, "--log-format", LOG_FORMAT, "--log-format-escaped"),
        *more,
    ]


def _dynamic_resources(node: EnvoyNode) -> dict[str, Any]:
    source = {
        "ads": {},
        "resource_api_version": "V3",
        "initial_fetch_timeout": f"{node.fetch_timeout:g}s",
    }
    return {
        "ads_config": {
            **_stream("DELTA_GRPC" if node.delta else "GRPC"),
            "set_node_on_first_message_only": True,
        },
        "cds_config": source,
        "lds_config": source,
    }


def _stream(variant: str) -> dict[str, Any]:
    """A stream to the control plane (config.core.v3.ApiConfigSource)."""
    grpc = {"cluster_name": XDS_CLUSTER, "retry_policy": {"retry_back_off": RECONNECT}}
    return {
        "api_type": variant,
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": grpc}],
    }


def _clusters(node: EnvoyNode) -> Iterator[dict[str, Any]]:
    keepalive = {"interval": "10s", "timeout": "5s"}  # a control plane that hangs is noticed
    yield _grpc_cluster(XDS_CLUSTER, _address(node.xds_port), {"connection_keepalive": keepalive})
    if node.captures is not None:
        yield _grpc_cluster(CAPTURES, {"pipe": {"path": str(node.captures)}}, {})
    if node.processor is not None:
        http2 = {"hpack_table_size": 0}  # so the reader wants it (tap.ext_proc.header_block)
        made = _grpc_cluster(PROCESSOR, {"pipe": {"path": str(node.processor)}}, http2)
        yield {**made, **_at_most({"max_requests": MAX_PROCESSED})}
    if node.gate is not None:
        yield {
            **_grpc_cluster(GATE, {"pipe": {"path": str(node.gate)}}, {}),
            **_at_most({"max_requests": MAX_GATED, "max_pending_requests": MAX_GATED}),
        }


def _at_most(limits: dict[str, int]) -> dict[str, Any]:
    """A cluster's limits of what is open at a time."""
    return {"circuit_breakers": {"thresholds": [limits]}}


def _grpc_cluster(name: str, address: dict[str, Any], http2: dict[str, Any]) -> dict[str, Any]:
    options = {
        "@type": f"type.googleapis.com/{_OPTIONS}",
        "explicit_http_config": {"http2_protocol_options": http2},
    }
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {_OPTIONS: options},
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def _overload_manager() -> dict[str, Any]:
    config = {
        "@type": f"type.googleapis.com/{_MONITOR_CONFIG}",
        "max_active_downstream_connections": MAX_CONNECTIONS,
    }
    return {"resource_monitors": [{"name": _MONITOR, "typed_config": config}]}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}
