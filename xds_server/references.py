"""What a resource's bytes refer to by name: a cluster's endpoints, a listener's routes and secrets,
a route's clusters. Only what comes over ADS is counted: a file or another server is none of our
business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xds_server import mirror, protos

CLUSTER = "envoy.config.cluster.v3.Cluster"
ENDPOINT = "envoy.config.endpoint.v3.ClusterLoadAssignment"
EXTENSION_CONFIG = "envoy.config.core.v3.TypedExtensionConfig"
LISTENER = "envoy.config.listener.v3.Listener"
ROUTE = "envoy.config.route.v3.RouteConfiguration"
SCOPED_ROUTE = "envoy.config.route.v3.ScopedRouteConfiguration"
SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"
_HCM = (
    "type.googleapis.com/envoy.extensions.filters.network"
    ".http_connection_manager.v3.HttpConnectionManager"
)
_TLS: Mapping[str, type[protos.Message]] = {
    f"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{cls.__name__}": cls
    for cls in (protos.tls.DownstreamTlsContext, protos.tls.UpstreamTlsContext)
}
_SOCKET_TAP = "type.googleapis.com/envoy.extensions.transport_sockets.tap.v3.Tap"
_EDS = 3  # Cluster.DiscoveryType


@dataclass(frozen=True, slots=True)
class Reference:
    """``name``, a resource whose message is ``message``, is needed at ``path`` of the referrer."""

    message: str
    name: str
    path: str


def references_of(message: str, name: str, body: bytes) -> frozenset[Reference]:
    """All references in the bytes of a resource whose message has the full name ``message``."""
    read = _READERS.get(message)
    if read is None:
        return frozenset()
    cls, reader = read
    return frozenset(reader(mirror.parse(cls, body)))


def _of_cluster(cluster: Any) -> Iterator[Reference]:
    if cluster.WhichOneof("cluster_discovery_type") == "type" and cluster.type == _EDS:
        source = cluster.eds_cluster_config
        if not source.HasField("eds_config") or _is_ads(source.eds_config):
            yield Reference(ENDPOINT, source.service_name or cluster.name, "eds_cluster_config")
    yield from _of_socket(cluster.transport_socket, "")


def _of_socket(socket: Any, path: str) -> Iterator[Reference]:
    if socket.typed_config.type_url == _SOCKET_TAP:  # around the one that is meant
        path = f"{path}.transport_socket.typed_config"
        socket = mirror.parse(protos.socket_tap.Tap, socket.typed_config.value).transport_socket
    cls = _TLS.get(socket.typed_config.type_url)
    if cls is None:
        return
    common = mirror.parse(cls, socket.typed_config.value).common_tls_context
    path = f"{path}.transport_socket.typed_config.common_tls_context".removeprefix(".")
    combined = common.combined_validation_context
    configs = [
        *(
            (f"tls_certificate_sds_secret_configs[{at}]", each)
            for at, each in enumerate(common.tls_certificate_sds_secret_configs)
        ),
        ("validation_context_sds_secret_config", common.validation_context_sds_secret_config),
        (
            "combined_validation_context.validation_context_sds_secret_config",
            combined.validation_context_sds_secret_config,
        ),
    ]
    for part, config in configs:
        if config.name and _is_ads(config.sds_config):
            yield Reference(SECRET, config.name, f"{path}.{part}")


def _of_listener(listener: Any) -> Iterator[Reference]:
    for at, chain in enumerate(listener.filter_chains):
        yield from _of_chain(chain, f"filter_chains[{at}]")
    yield from _of_chain(listener.default_filter_chain, "default_filter_chain")
    yield from _of_manager(listener.api_listener.api_listener, "api_listener.api_listener")


def _of_chain(chain: Any, path: str) -> Iterator[Reference]:
    yield from _of_socket(chain.transport_socket, path)
    for at, each in enumerate(chain.filters):
        yield from _of_manager(each.typed_config, f"{path}.filters[{at}].typed_config")


def _of_manager(typed_config: Any, path: str) -> Iterator[Reference]:
    if typed_config.type_url != _HCM:
        return
    manager = mirror.parse(protos.hcm.HttpConnectionManager, typed_config.value)
    if manager.HasField("rds") and _is_ads(manager.rds.config_source):
        yield Reference(ROUTE, manager.rds.route_config_name, f"{path}.rds")
    for at, each in enumerate(manager.http_filters):
        if each.HasField("config_discovery") and _is_ads(each.config_discovery.config_source):
            yield Reference(EXTENSION_CONFIG, each.name, f"{path}.http_filters[{at}]")
    yield from _of_routes(manager.route_config, f"{path}.route_config.")


def _of_routes(config: Any, prefix: str = "") -> Iterator[Reference]:
    for at, host in enumerate(config.virtual_hosts):
        for index, route in enumerate(host.routes):
            path = f"{prefix}virtual_hosts[{at}].routes[{index}].route"
            for name, part in _clusters_of(route.route):
                yield Reference(CLUSTER, name, f"{path}.{part}")


def _of_scope(scope: Any) -> Iterator[Reference]:
    if scope.route_configuration_name and not scope.on_demand:
        yield Reference(ROUTE, scope.route_configuration_name, "route_configuration_name")


def _clusters_of(action: Any) -> Iterable[tuple[str, str]]:
    if action.cluster:
        yield action.cluster, "cluster"
    for at, weighted in enumerate(action.weighted_clusters.clusters):
        if weighted.name:
            yield weighted.name, f"weighted_clusters.clusters[{at}]"
    for at, policy in enumerate(action.request_mirror_policies):
        if policy.cluster:
            yield policy.cluster, f"request_mirror_policies[{at}]"


def _is_ads(source: Any) -> bool:
    return source.WhichOneof("config_source_specifier") in ("ads", "self")


_READERS: Mapping[str, tuple[type[protos.Message], Callable[[Any], Iterable[Reference]]]] = {
    CLUSTER: (protos.cluster.Cluster, _of_cluster),
    LISTENER: (protos.listener.Listener, _of_listener),
    ROUTE: (protos.route.RouteConfiguration, _of_routes),
    SCOPED_ROUTE: (protos.route.ScopedRouteConfiguration, _of_scope),
}
