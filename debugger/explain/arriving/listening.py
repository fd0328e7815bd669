"""Which listener takes a connection, and which of its filter chains.

Envoy narrows the chains down, one criterion after the other in a fixed order, to those that say
most about it, and never turns back. What nobody knows of a connection narrows nothing.
https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/listener/v3/listener_components.proto#config-listener-v3-filterchainmatch
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from debugger.explain.arriving.asked import Asked, Connection
from debugger.explain.served import Piece, Served

_DIRECTIONS = {"inbound": 1, "outbound": 2, "ingress": 0}  # core.v3.TrafficDirection
_LOCAL, _EXTERNAL = 1, 2  # of FilterChainMatch.ConnectionSourceType


@dataclass(frozen=True, slots=True)
class Listening:
    """A listener that may have taken it. ``why`` says in words why it is this one."""

    piece: Piece
    why: str

    @property
    def ports(self) -> tuple[int, ...]:
        return ports_of(self.piece.message)


@dataclass(frozen=True, slots=True)
class Chain:
    """A filter chain of a listener; ``index`` is ``None`` for the default one."""

    message: Any
    index: int | None
    path: str
    why: str


def ports_of(listener: Any) -> tuple[int, ...]:
    """The ports that a listener opens."""
    addresses = [listener.address, *(each.address for each in listener.additional_addresses)]
    ports = (each.socket_address.port_value for each in addresses)
    return tuple(each for each in ports if each)


def listening(served: Served, asked: Asked) -> tuple[Listening, ...]:
    """The listeners that may take it: one, unless a capture does not tell enough."""
    if served.kind == "grpc" and asked.direction == "outbound":
        return _of_client(served, asked.request.authority)
    port = asked.connection.port
    if port is not None:
        found = [each for each in served.listeners if port in ports_of(each.message)]
        return tuple(Listening(each, f"it listens on port {port}") for each in found)
    wanted = _DIRECTIONS.get(asked.direction)
    way = [each for each in served.listeners if each.message.traffic_direction == wanted]
    way = [each for each in way if not each.message.HasField("api_listener")]
    if len(way) > 1 and asked.owner:
        own = [each for each in way if each.name == f"{asked.direction}-{asked.owner}"]
        way = own or way
    if len(way) > 1:
        named = [
            each for each in way if _port_in(asked.request.authority) in ports_of(each.message)
        ]
        way = named or way
    one = f"the only one {asked.direction}" if len(way) == 1 else "the capture does not tell which"
    return tuple(Listening(each, one) for each in way)


def _of_client(served: Served, target: str) -> tuple[Listening, ...]:
    """A gRPC client takes the listener that is called as its target, ``xds:///reviews``."""
    found = [each for each in served.listeners if each.name == target]
    why = f"what a client of xds:///{target} asks for"
    return tuple(Listening(each, why) for each in found if each.message.HasField("api_listener"))


def _port_in(authority: str) -> int | None:
    number = authority.rpartition(":")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 5 else None


def chains(listener: Any, connection: Connection) -> tuple[Chain, ...]:
    """The filter chains that may take it: none where Envoy closes the connection."""
    every = [
        Chain(each, i, f"filter_chains[{i}]", "") for i, each in enumerate(listener.filter_chains)
    ]
    left, said = every, []
    for criterion in CRITERIA:
        before = len(left)
        left = criterion.narrow(left, connection)
        if len(left) < before:
            said.append(criterion.words)
    if not left:
        if not listener.HasField("default_filter_chain"):
            return ()
        why = "no other chain is for such a connection"
        return (Chain(listener.default_filter_chain, None, "default_filter_chain", why),)
    why = "the only one" if len(every) == 1 else f"by {' and '.join(said)}" if said else ""
    if len(left) > 1:
        why = "which one, the connection decides: what is known of it does not tell"
    return tuple(Chain(each.message, each.index, each.path, why) for each in left)


Score = Callable[[Any, Connection], int | None]  # how much a match says; None: it is not for this


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that a chain may ask of a connection. ``known`` tells whether it can be told."""

    words: str
    known: Callable[[Connection], bool]
    score: Score

    def narrow(self, chains: Sequence[Chain], connection: Connection) -> list[Chain]:
        if not self.known(connection):
            return list(chains)
        scored = [
            (self.score(each.message.filter_chain_match, connection), each) for each in chains
        ]
        most = max((score for score, _ in scored if score is not None), default=None)
        return [each for score, each in scored if score is not None and score == most]


def _port(match: Any, connection: Connection) -> int | None:
    if not match.HasField("destination_port"):
        return 0
    return 1 if match.destination_port.value == connection.port else None


def _prefixes(ranges: Iterable[Any], address: str) -> int | None:
    """The length of the longest prefix that the address is in; 0 where none is asked for."""
    given = list(ranges)
    if not given:
        return 0
    found = [_length(each, address) for each in given]
    return max((each for each in found if each is not None), default=None)


def _length(block: Any, address: str) -> int | None:
    try:
        network = ipaddress.ip_network(
            f"{block.address_prefix}/{block.prefix_len.value}", strict=False
        )
        inside = ipaddress.ip_address(address) in network
    except ValueError:
        return None
    return 1 + network.prefixlen if inside else None


def _server_name(match: Any, connection: Connection) -> int | None:
    if not match.server_names:
        return 0
    sni = (connection.sni or "").lower()
    fits = (_names(each.lower(), sni) for each in match.server_names)
    return max((each for each in fits if each is not None), default=None)


def _names(wanted: str, sni: str) -> int | None:
    """The whole name says most, then the longest end of it."""
    if sni == wanted:
        return 1 + len(sni)
    if wanted.startswith("*.") and sni.endswith(wanted[1:]):
        return len(wanted) - 1  # without the star: shorter than the name
    return None


def _transport(match: Any, connection: Connection) -> int | None:
    if not match.transport_protocol:
        return 0
    return 1 if match.transport_protocol == ("tls" if connection.tls else "raw_buffer") else None


def _protocols(match: Any, connection: Connection) -> int | None:
    if not match.application_protocols:
        return 0
    return 1 if set(match.application_protocols) & set(connection.alpn or ()) else None


def _source_type(match: Any, connection: Connection) -> int | None:
    if not match.source_type:
        return 0
    peer = host_of(connection.peer)
    local = peer == connection.address or _is_loopback(peer)
    return 1 if match.source_type == (_LOCAL if local else _EXTERNAL) else None


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _source_port(match: Any, connection: Connection) -> int | None:
    if not match.source_ports:
        return 0
    return 1 if _port_in(connection.peer) in match.source_ports else None


def host_of(address: str) -> str:
    """The address in ``ip:port``."""
    return address.rpartition(":")[0].strip("[]")


def _has_peer(connection: Connection) -> bool:
    return bool(connection.peer)


CRITERIA = (  # in Envoy's order
    Criterion("port", lambda it: it.port is not None, _port),
    Criterion(
        "address",
        lambda it: bool(it.address),
        lambda match, it: _prefixes(match.prefix_ranges, it.address),
    ),
    Criterion("server name", lambda it: it.tls is False or it.sni is not None, _server_name),
    Criterion("transport protocol", lambda it: it.tls is not None, _transport),
    Criterion(
        "application protocol", lambda it: it.tls is False or it.alpn is not None, _protocols
    ),
    Criterion(
        "peer",
        _has_peer,
        lambda match, it: _prefixes(match.direct_source_prefix_ranges, host_of(it.peer)),
    ),
    Criterion("kind of source", _has_peer, _source_type),
    Criterion(
        "source",
        _has_peer,
        lambda match, it: _prefixes(match.source_prefix_ranges, host_of(it.peer)),
    ),
    Criterion("source port", _has_peer, _source_port),
)
