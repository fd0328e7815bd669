"""Listeners as gRPC takes them: one for each name that a client calls, one for a server's port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mesh_patterns.compile import filters
from mesh_patterns.compile.clusters import place_of
from mesh_patterns.compile.entry import Host, unique
from mesh_patterns.compile.filters import authorization
from mesh_patterns.compile.filters import fault as faults
from mesh_patterns.compile.grpc import tls
from mesh_patterns.compile.grpc.rows import conditional, present_or_not
from mesh_patterns.compile.values import ads
from mesh_patterns.draft import Draft, Edge, Fault, Filter, Target
from mesh_patterns.grpc_limits import CLIENT_FILTERS, SERVER_FILTERS
from mesh_patterns.model import Instance
from mesh_patterns.placement import HOST, SERVER_LISTENER, Placement, workload
from mesh_patterns.policy import Authorization
from mesh_yaml.place import Place
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import core, fault, hcm, listener, route, router
from xds_server.resource import Resource

# What a program may say that it listens on: loopback, as it should, or everything, as many do. The
# address in the answer has to be the very same.
HOSTS = (HOST, "0.0.0.0", "[::]")
_NETWORK = "envoy.filters.network.http_connection_manager"
_Chain = list[tuple[hcm.HttpFilter, Place | None]]


def clients(draft: Draft, edge: Edge, hosts: Sequence[Host]) -> Iterator[Resource]:
    """The listener behind each name of a callee: what a client of ``xds:///reviews`` asks for."""
    chain = _client_chain(edge, hosts)
    manager = hcm.HttpConnectionManager(
        rds=hcm.Rds(config_source=ads(), route_config_name=edge.callee),
        http_filters=[made for made, _ in chain],
    )
    origins = _origins("api_listener.api_listener", chain, str(edge.place))
    names = (name for host in hosts for name in host.domains if "*" not in name)
    for name in dict.fromkeys([edge.callee, *names]):
        api = listener.ApiListener(api_listener=any_of(manager))
        yield Resource.of(listener.Listener(name=name, api_listener=api), origins=origins)


def _client_chain(edge: Edge, hosts: Iterable[Host]) -> _Chain:
    """The edge's faults; what only some routes have of them does nothing until one says so."""
    rows = [row for host in hosts for row in host.rows]
    found: _Chain = []
    if any("fault" in row.rule.settings for row in rows):
        found.append((_filter(filters.OF_RULES["fault"], fault.HttpFault()), None))
    for each in unique(each for row in rows for each in row.filters):
        if each.kind in CLIENT_FILTERS:
            meaning = Fault() if conditional(each) else each.config
            found.append((_filter(each.name, faults.message(meaning)), each.place))
    return [*found, _router()]


def server(draft: Draft, instance: Instance, placement: Placement) -> Iterator[Resource]:
    """The listener of a workload's own port, for each address at which a program may open it.

    https://github.com/grpc/proposal/blob/master/A36-xds-for-servers.md
    """
    chain = _server_chain(filters.at_workload(draft, instance))
    everything = route.Route(
        match=route.RouteMatch(prefix=""), non_forwarding_action=route.NonForwardingAction()
    )
    host = route.VirtualHost(name=instance.service, domains=["*"], routes=[everything])
    manager = hcm.HttpConnectionManager(
        route_config=route.RouteConfiguration(name=instance.id, virtual_hosts=[host]),
        http_filters=[made for made, _ in chain],
    )
    network = listener.Filter(name=_NETWORK, typed_config=any_of(manager))
    socket = tls.downstream(draft, instance.service)
    filter_chain = listener.FilterChain(filters=[network], transport_socket=socket)
    place = str(place_of(draft, Target(instance.service, instance.version)))
    origins = _origins("filter_chains[0].filters[0].typed_config", chain, place)
    port = placement.port(workload(instance))
    for at in HOSTS:
        socket_address = core.SocketAddress(address=at.strip("[]"), port_value=port)
        message = listener.Listener(
            name=SERVER_LISTENER % f"{at}:{port}",
            address=core.Address(socket_address=socket_address),
            filter_chains=[filter_chain],
        )
        yield Resource.of(message, origins=origins)


def _server_chain(placed: Iterable[Filter]) -> _Chain:
    """What gRPC's servers know of filters: who may call."""
    return [
        *(
            (_filter(each.name, authorization.message(_told(each.config))), each.place)
            for each in placed
            if each.kind in SERVER_FILTERS
        ),
        _router(),
    ]


def _told(meaning: Authorization) -> Authorization:
    """An absent header is not what a rule says that it must not be: a rule more for that."""
    rules = (
        replace(rule, headers=headers)
        for rule in meaning.rules
        for headers in present_or_not(rule.headers)
    )
    return replace(meaning, rules=tuple(rules))


def _origins(manager: str, chain: _Chain, place: str) -> dict[str, str]:
    found = {f"{manager}.http_filters[{i}]": str(at) for i, (_, at) in enumerate(chain) if at}
    return {"": place, **found}


def _router() -> tuple[hcm.HttpFilter, None]:
    return _filter(filters.ROUTER, router.Router()), None


def _filter(name: str, message: protos.Message) -> hcm.HttpFilter:
    return hcm.HttpFilter(name=name, typed_config=any_of(message))
