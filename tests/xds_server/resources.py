"""Small resources for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from xds_server.mirror import any_of
from xds_server.protos import cluster, core, endpoint, hcm, listener, route, router
from xds_server.resource import Resource

ADS = core.ConfigSource(ads=core.AggregatedConfigSource(), resource_api_version=core.ApiVersion.V3)


def own_stream(variant: str) -> core.ConfigSource:
    """A config source of one resource: a gRPC stream for itself."""
    kinds = core.ApiConfigSourceApiType
    service = core.GrpcService(envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name="xds"))
    api = core.ApiConfigSource(
        api_type=kinds.DELTA_GRPC if variant == "Delta" else kinds.GRPC,
        transport_api_version=core.ApiVersion.V3,
        grpc_services=[service],
    )
    return core.ConfigSource(api_config_source=api, resource_api_version=core.ApiVersion.V3)


def eds_cluster(name: str, timeout: float = 1.0, source: core.ConfigSource = ADS) -> Resource:
    return Resource.of(
        cluster.Cluster(
            name=name,
            type=cluster.ClusterDiscoveryType.EDS,
            connect_timeout=timedelta(seconds=timeout),
            eds_cluster_config=cluster.ClusterEdsClusterConfig(eds_config=source),
        )
    )


def endpoints(name: str, *ports: int) -> Resource:
    return Resource.of(
        endpoint.ClusterLoadAssignment(
            cluster_name=name,
            endpoints=[
                endpoint.LocalityLbEndpoints(
                    lb_endpoints=[
                        endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=address(port)))
                        for port in ports
                    ]
                )
            ],
        )
    )


def address(port: int) -> core.Address:
    return core.Address(socket_address=core.SocketAddress(address="127.0.0.1", port_value=port))


def rds_listener(
    name: str = "front", routes: str = "routes", source: core.ConfigSource = ADS
) -> Resource:
    return http_listener(name, rds=hcm.Rds(config_source=source, route_config_name=routes))


def http_listener(
    name: str = "front",
    filters: Iterable[hcm.HttpFilter] = (),
    transport_socket: core.TransportSocket | None = None,
    **routes: Any,
) -> Resource:
    """``filters`` stand before the router; ``routes`` is the manager's source of routes."""
    manager = hcm.HttpConnectionManager(
        stat_prefix=name,
        http_filters=[
            *filters,
            hcm.HttpFilter(name="router", typed_config=any_of(router.Router())),
        ],
        **routes,
    )
    chain = listener.FilterChain(
        filters=[listener.Filter(name="hcm", typed_config=any_of(manager))],
        transport_socket=transport_socket,
    )
    made = listener.Listener(name=name, address=address(0), filter_chains=[chain])
    return Resource.of(made)


def answering(body: str, name: str = "routes", **origins: str) -> Resource:
    """Routes that answer by themselves."""
    answer = route.DirectResponseAction(status=200, body=core.DataSource(inline_string=body))
    return _routes(name, route.Route(match=_ALL, direct_response=answer), origins)


def routed(to: str, name: str = "routes") -> Resource:
    return _routes(name, route.Route(match=_ALL, route=route.RouteAction(cluster=to)), {})


def weighted(
    weights: Mapping[str, int], name: str = "routes", origins: Mapping[str, str] | None = None
) -> Resource:
    clusters = [
        route.WeightedClusterClusterWeight(name=each, weight=weight)
        for each, weight in weights.items()
    ]
    action = route.RouteAction(weighted_clusters=route.WeightedCluster(clusters=clusters))
    return _routes(name, route.Route(match=_ALL, route=action), origins or {})


_ALL = route.RouteMatch(prefix="/")


def _routes(name: str, entry: route.Route, origins: Mapping[str, str]) -> Resource:
    host = route.VirtualHost(name="all", domains=["*"], routes=[entry])
    config = route.RouteConfiguration(name=name, virtual_hosts=[host])
    return Resource.of(config, origins=origins)


def virtual_host(name: str, body: str, *domains: str) -> route.VirtualHost:
    answer = route.DirectResponseAction(status=200, body=core.DataSource(inline_string=body))
    entry = route.Route(match=_ALL, direct_response=answer)
    return route.VirtualHost(name=name, domains=list(domains), routes=[entry])
