"""Listeners: where an Envoy takes requests in, and the filters that they pass there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from mesh_patterns.compile import filters, network, tls
from mesh_patterns.compile.access_log import access_log
from mesh_patterns.compile.clusters import socket_address
from mesh_patterns.compile.entry import Entry, Host, unique
from mesh_patterns.compile.hosts import distinct, ingress_hosts, outbound_hosts
from mesh_patterns.compile.sockets import tapped
from mesh_patterns.compile.values import ads
from mesh_patterns.draft import Draft, Filter
from mesh_patterns.model import CLIENT, INGRESS, Instance
from mesh_patterns.placement import Caller, Placement, Proxy, call, ingress, outbound
from mesh_patterns.placement import inbound as inbound_key
from xds_server.mirror import any_of
from xds_server.protos import core, hcm, listener
from xds_server.resource import Resource

_HTTP = "envoy.filters.network.http_connection_manager"
_DIRECTIONS = {
    "inbound": core.TrafficDirection.INBOUND,
    "outbound": core.TrafficDirection.OUTBOUND,
    "ingress": core.TrafficDirection.UNSPECIFIED,
}


def entries(draft: Draft, proxy: Proxy, placement: Placement) -> Iterator[Entry]:
    """Every listener of an Envoy."""
    for instance in proxy.inbound:
        yield _inbound(draft, instance, placement)
    for caller in proxy.callers:
        yield _outbound(draft, caller, placement)
    if proxy.ingress:
        yield from _ingress(draft, placement)


def _inbound(draft: Draft, instance: Instance, placement: Placement) -> Entry:
    service = draft.mesh.services[instance.service]
    version = service.version(instance.version)
    return Entry(
        name=f"inbound-{instance.id}",
        direction="inbound",
        ports=(placement.port(inbound_key(instance)),),
        place=version.place if version else service.place,
        filters=filters.at_workload(draft, instance),
        instance=instance,
        mtls=tls.accepted(draft, instance.service),
    )


def _outbound(draft: Draft, caller: Caller, placement: Placement) -> Entry:
    callees = draft.mesh.callees(caller.name)
    hosts = distinct(
        host
        for callee in callees
        for host in outbound_hosts(
            draft, draft.edges[caller.name, callee], placement.port(call(caller, callee))
        )
    )
    place = hosts[0].place if caller.name == CLIENT else draft.mesh.services[caller.name].place
    return Entry(
        name=f"outbound-{caller.id}",
        direction="outbound",
        ports=tuple(
            placement.port(key)
            for key in (outbound(caller), *(call(caller, callee) for callee in callees))
        ),
        place=place,
        filters=_of_hosts(hosts),
        hosts=hosts,
    )


def _ingress(draft: Draft, placement: Placement) -> Iterator[Entry]:
    """One listener for each port that services ask for at the ingress."""
    edges = [edge for (caller, _), edge in draft.edges.items() if caller == INGRESS]
    declared = {edge.callee: draft.mesh.services[edge.callee].ingress for edge in edges}
    keys = dict.fromkeys(ingress(found) for found in declared.values() if found)
    for key in keys:
        here = [edge for edge in edges if (at := declared[edge.callee]) and ingress(at) == key]
        hosts = distinct(ingress_hosts(draft, here))
        first = declared[here[0].callee]
        yield Entry(
            name=key.replace(":", "-"),
            direction="ingress",
            ports=(placement.port(key),),
            place=first.place if first else here[0].place,
            filters=_of_hosts(hosts),
            hosts=hosts,
        )


def _of_hosts(hosts: tuple[Host, ...]) -> tuple[Filter, ...]:
    return tuple(unique(each for host in hosts for row in host.rows for each in row.filters))


def listener_resource(entry: Entry, placement: Placement) -> Resource:
    """The listener itself; its routes come by RDS under the same name."""
    chain = filters.http_filters(entry, placement)
    manager = hcm.HttpConnectionManager(
        stat_prefix=entry.name,
        rds=hcm.Rds(config_source=ads(), route_config_name=entry.name),
        http_filters=[made for made, _ in chain],
        use_remote_address=entry.direction == "ingress",
        preserve_external_request_id=True,
        normalize_path=True,
        # a held or delayed request may be quiet for long; the pattern's timeouts bound it instead
        stream_idle_timeout=timedelta(0),
        upgrade_configs=[hcm.HttpConnectionManagerUpgradeConfig(upgrade_type="websocket")],
        access_log=[access_log()] if placement.captured else [],
        **tls.told_caller(entry),
    )
    http = listener.Filter(name=_HTTP, typed_config=any_of(manager))
    before = network.network_filters(entry)
    first, *more = entry.ports
    chains = tls.filter_chains(entry, [*(made for made, _ in before), http])
    for each in chains if placement.sockets else ():
        each.transport_socket = tapped(each.transport_socket)
    message = listener.Listener(
        name=entry.name,
        address=socket_address(first),
        additional_addresses=[
            listener.AdditionalAddress(address=socket_address(port)) for port in more
        ],
        filter_chains=chains,
        listener_filters=tls.listener_filters(entry),
        traffic_direction=_DIRECTIONS[entry.direction],
    )
    origins = {"": str(entry.place)}
    for at in range(len(chains)):
        origins |= _origins(f"filter_chains[{at}].filters", before, chain)
    if entry.mtls:
        origins["filter_chains[0].transport_socket"] = str(entry.mtls.place)
    return Resource.of(message, origins=origins)


def _origins(at: str, before: network.Chain, chain: filters.Chain) -> dict[str, str]:
    """The lines that asked for the network filters of a chain, and for its HTTP filters."""
    http = f"{at}[{len(before)}].typed_config.http_filters"
    found = {f"{at}[{i}]": str(place) for i, (_, place) in enumerate(before) if place}
    return found | {f"{http}[{i}]": str(place) for i, (_, place) in enumerate(chain) if place}
