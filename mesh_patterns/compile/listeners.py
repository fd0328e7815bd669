"""Listeners: where an Envoy takes connections in, and what they pass there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mesh_patterns.compile import filters, ingress_tls, manager, network, tls
from mesh_patterns.compile.clusters import socket_address
from mesh_patterns.compile.entry import Entry
from mesh_patterns.compile.sockets import tapped
from mesh_patterns.placement import Placement
from xds_server.protos import core, listener
from xds_server.resource import Resource

_DIRECTIONS = {
    "inbound": core.TrafficDirection.INBOUND,
    "outbound": core.TrafficDirection.OUTBOUND,
    "ingress": core.TrafficDirection.UNSPECIFIED,
}


@dataclass(frozen=True, slots=True)
class _End:
    """The last network filter of a chain, and the lines of its parts; ``names`` are those by which
    a client asks for it, none: all that come.
    """

    filter: listener.Filter
    origins: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()


def listener_resource(entry: Entry, placement: Placement) -> Resource:
    """The listener itself; routes for requests come by RDS under the same name."""
    before = network.network_filters(entry)
    first, *more = entry.ports
    chains: list[listener.FilterChain] = []
    origins = {"": str(entry.place)}
    for end in _ends(entry, placement):
        chained = [*(made for made, _ in before), end.filter]
        make = ingress_tls.filter_chains if entry.secure else tls.filter_chains
        for chain in make(entry, chained):
            if end.names:
                chain.filter_chain_match = listener.FilterChainMatch(server_names=list(end.names))
            if placement.sockets:
                chain.transport_socket = tapped(chain.transport_socket)
            origins |= _origins(f"filter_chains[{len(chains)}].filters", before, end)
            chains.append(chain)
    for i, each in enumerate(entry.secure):
        origins[f"filter_chains[{i}].transport_socket"] = str(each.place)
    if entry.mtls:
        origins["filter_chains[0].transport_socket"] = str(entry.mtls.place)
    message = listener.Listener(
        name=entry.name,
        address=socket_address(first),
        additional_addresses=[
            listener.AdditionalAddress(address=socket_address(port)) for port in more
        ],
        filter_chains=chains,
        per_connection_buffer_limit_bytes=entry.hardened.value.buffer_bytes
        if entry.hardened
        else None,
        listener_filters=tls.listener_filters(entry),
        traffic_direction=_DIRECTIONS[entry.direction],
    )
    return Resource.of(message, origins=origins)


def _ends(entry: Entry, placement: Placement) -> Iterator[_End]:
    """What each chain ends in: one for requests, or one for each stream."""
    for stream in entry.streams:
        yield _End(network.last(entry, stream), {"": str(stream.place)}, stream.names)
    if not entry.streams:
        chain = filters.http_filters(entry, placement)
        lines = {f".typed_config.http_filters[{i}]": str(p) for i, (_, p) in enumerate(chain) if p}
        yield _End(manager.http(entry, [made for made, _ in chain], placement.captured), lines)


def _origins(at: str, before: network.Chain, end: _End) -> dict[str, str]:
    """The lines that asked for the filters of a chain."""
    found = {f"{at}[{i}]": str(place) for i, (_, place) in enumerate(before) if place}
    return found | {f"{at}[{len(before)}]{part}": line for part, line in end.origins.items()}
