"""What the rig's Envoy is told: its wasm filters, and the static bootstrap around them.

Plain data in, plain JSON out (config.bootstrap.v3.Bootstrap, extensions.wasm.v3.PluginConfig).
https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/wasm/v3/wasm.proto

What Envoy would add of itself to a message is switched off where it can be: request ids, its
``server``, the headers of its router.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mini_mesh.ports import LOOPBACK
from wasm_filters.config import FailurePolicy, PluginConfig

UPSTREAM = "up"  # the cluster to which every chain sends its requests
NODE = {"id": "rig", "cluster": "rig"}
VIRTUAL_HOST = "all"

_TYPE = "type.googleapis.com/"
_FILTERS = "envoy.extensions.filters."
_MANAGER = _FILTERS + "network.http_connection_manager.v3.HttpConnectionManager"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WasmFilter:
    """A module as an HTTP filter. Of ``config``, ``properties`` are what Envoy itself knows best,
    and are not told to it.
    """

    code: bytes = field(repr=False)
    config: PluginConfig = PluginConfig()

    @property
    def log_prefix(self) -> str:
        """What Envoy puts before a line that a stream context logs."""
        config = self.config
        return " ".join(part for part in (config.name, config.root_id, config.vm_id) if part)

    def plugin(self, code: Path) -> Json:
        """Envoy's PluginConfig for this filter, whose code is in the file ``code``."""
        config = self.config
        allowed: Json = {name: {} for name in config.capabilities}
        return {
            "name": config.name,
            "root_id": config.root_id,
            "configuration": _any_bytes(config.configuration),
            "vm_config": {
                "vm_id": config.vm_id,
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": str(code)}},
                "configuration": _any_bytes(config.vm_configuration),
                "environment_variables": {"key_values": dict(config.environment)},
            },
            "capability_restriction_config": {"allowed_capabilities": allowed},
            "allow_on_headers_stop_iteration": config.stops_at_headers,
            **_failure(config),
        }


def _failure(config: PluginConfig) -> Json:
    if config.failure_policy is FailurePolicy.LEGACY_FAIL_OPEN:
        return {"fail_open": True}
    policy: Json = {"failure_policy": config.failure_policy.value}
    if config.failure_policy is FailurePolicy.FAIL_RELOAD:
        policy["reload_config"] = {"backoff": {"base_interval": f"{config.reload_backoff}s"}}
    return policy


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands between client and upstream.

    ``chains`` are the filters of each listener, in the order of a request. ``clusters`` can be
    called out to; ``refusing`` are clusters at whose port nobody listens, ``empty`` those without
    endpoints; ``grpc`` are somebody else's gRPC servers, by cluster, at their ports.
    ``buffer_limit`` is what a connection may buffer, in bytes, on both sides; None for Envoy's own
    1 MiB.
    """

    chains: Mapping[str, Sequence[WasmFilter]]
    clusters: Sequence[str] = ()
    refusing: Sequence[str] = ()
    grpc: Mapping[str, int] = field(default_factory=dict)
    buffer_limit: int | None = None
    empty: Sequence[str] = ()


def bootstrap(layout: Layout, ports: Mapping[str, int], admin: int, folder: Path) -> Json:
    """The bootstrap; ``ports`` are those of all clusters. Writes the code into ``folder``."""
    limit = {} if layout.buffer_limit is None else _limited(layout.buffer_limit)
    clusters = [{**_cluster(name, port, _HTTP1), **limit} for name, port in ports.items()]
    clusters += [_cluster(name, port, _HTTP2) for name, port in layout.grpc.items()]
    clusters += [_cluster(name, None, _HTTP2) for name in layout.empty]
    listeners = [
        {**_listener(index, name, chain, folder), **limit}
        for index, (name, chain) in enumerate(layout.chains.items())
    ]
    return {
        "node": NODE,
        "admin": {"address": _address(admin)},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }


def stat_prefix(index: int) -> str:
    """What the stats of the listener with this place in ``Layout.chains`` are called."""
    return f"chain-{index}"


def _limited(size: int) -> Json:
    return {"per_connection_buffer_limit_bytes": size}


_HTTP1 = {"http_protocol_options": {"enable_trailers": True}}
_HTTP2: Json = {"http2_protocol_options": {}}


def _cluster(name: str, port: int | None, protocol: Json) -> Json:
    """A cluster with one endpoint, with none without a port."""
    options = {
        "@type": _TYPE + _OPTIONS,
        "explicit_http_config": protocol,
        # what a filter makes too long for its content-length must not begin the next request
        "common_http_protocol_options": {"max_requests_per_connection": 1},
    }
    endpoints: list[Json] = []
    if port is not None:
        endpoints.append({"lb_endpoints": [{"endpoint": {"address": _address(port)}}]})
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        "typed_extension_protocol_options": {_OPTIONS: options},
    }


def _listener(index: int, name: str, chain: Sequence[WasmFilter], folder: Path) -> Json:
    filters = []
    for place, wasm in enumerate(chain):
        file = folder / f"{index}-{place}.wasm"
        file.write_bytes(wasm.code)
        filters.append(_http_filter("wasm.v3.Wasm", config=wasm.plugin(file)))
    manager = {
        "@type": _TYPE + _MANAGER,
        "stat_prefix": stat_prefix(index),
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "delayed_close_timeout": "0.02s",  # a client of ours closes first; Envoy's default is 1 s
        "http_protocol_options": {"enable_trailers": True},
        "route_config": {"virtual_hosts": [_virtual_host()]},
        "http_filters": [*filters, _http_filter("router.v3.Router", suppress_envoy_headers=True)],
    }
    return {
        "name": name,
        "address": _address(0),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def _virtual_host() -> Json:
    route = {"match": {"prefix": "/"}, "route": {"cluster": UPSTREAM, "timeout": "0s"}}
    return {"name": VIRTUAL_HOST, "domains": ["*"], "routes": [route]}


def _http_filter(kind: str, **config: Any) -> Json:
    return {"name": kind, "typed_config": {"@type": f"{_TYPE}{_FILTERS}http.{kind}", **config}}


def _any_bytes(data: bytes) -> Json:
    """Bytes in an Any; Envoy hands a filter what is in it."""
    value = base64.b64encode(data).decode()
    return {"@type": _TYPE + "google.protobuf.BytesValue", "value": value}


def _address(port: int) -> Json:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}
