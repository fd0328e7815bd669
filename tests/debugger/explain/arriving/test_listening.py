"""Listeners by port or direction, and filter chains narrowed down as Envoy does."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from debugger.explain.arriving.asked import Asked, Connection
from debugger.explain.arriving.listening import chains, listening
from debugger.explain.served import Served
from mesh_traffic import Request
from tests.debugger.explain.made import answer
from xds_server.mirror import parse, serialize
from xds_server.protos import core, listener
from xds_server.resource import Resource

PLAIN = Connection("127.0.0.1", 80, "10.1.2.3:5000", tls=False)
OUT = core.TrafficDirection.OUTBOUND


def made(*matches: dict[str, Any] | None, default: bool = False) -> Any:
    every = [
        listener.FilterChain(
            name=str(i), filter_chain_match=listener.FilterChainMatch(**match) if match else None
        )
        for i, match in enumerate(matches)
    ]
    message = listener.Listener(
        name="l",
        filter_chains=every,
        default_filter_chain=listener.FilterChain(name="rest") if default else None,
    )
    return parse(listener.Listener, serialize(message))


def chosen(message: Any, connection: Connection = PLAIN, **changes: Any) -> list[str]:
    known = dataclasses.replace(connection, **changes)
    return [each.message.name for each in chains(message, known)]


def block(prefix: str, length: int) -> core.CidrRange:
    return core.CidrRange(address_prefix=prefix, prefix_len=length)


def test_the_only_chain_takes_all() -> None:
    assert chosen(made(None)) == ["0"]


def test_tls_and_plaintext_are_told_apart_where_that_is_known() -> None:
    both = made({"transport_protocol": "tls"}, {"transport_protocol": "raw_buffer"})
    assert chosen(both) == ["1"]
    assert chosen(both, tls=True, sni="", alpn=()) == ["0"]
    assert chosen(both, tls=None) == ["0", "1"]


def test_the_name_that_says_most_wins() -> None:
    message = made(
        {"server_names": ["*.example.com"]},
        {"server_names": ["a.example.com"]},
        {"server_names": ["*.com"]},
        {},
    )
    assert chosen(message, tls=True, sni="a.example.com", alpn=()) == ["1"]
    assert chosen(message, tls=True, sni="b.example.com", alpn=()) == ["0"]
    assert chosen(message, tls=True, sni="other.com", alpn=()) == ["2"]
    assert chosen(message, tls=True, sni="other.org", alpn=()) == ["3"]


def test_the_longest_prefix_wins() -> None:
    message = made(
        {"source_prefix_ranges": [block("10.0.0.0", 8)]},
        {"source_prefix_ranges": [block("10.1.0.0", 16)]},
        {},
    )
    assert chosen(message) == ["1"]
    assert chosen(message, peer="10.2.0.1:1") == ["0"]
    assert chosen(message, peer="192.0.2.1:1") == ["2"]


def test_envoy_does_not_turn_back() -> None:
    """The port narrows to a chain that wants another protocol: no chain takes it."""
    message = made({"destination_port": 80, "application_protocols": ["h2"]}, {})
    assert chosen(message) == []
    assert chosen(message, port=81) == ["1"]


def test_the_default_chain_takes_what_no_other_does() -> None:
    assert chosen(made({"destination_port": 81}, default=True)) == ["rest"]
    assert chosen(made({"destination_port": 81})) == []


@pytest.mark.parametrize(("peer", "found"), [("127.0.0.1:1", "0"), ("10.0.0.1:1", "1")])
def test_who_comes_from_this_machine_is_local(peer: str, found: str) -> None:
    kinds = listener.FilterChainMatchConnectionSourceType
    message = made({"source_type": kinds.SAME_IP_OR_LOOPBACK}, {"source_type": kinds.EXTERNAL})
    assert chosen(message, peer=peer) == [found]


def test_source_ports_are_asked_last() -> None:
    message = made({"source_ports": [5000]}, {})
    assert chosen(message) == ["0"]
    assert chosen(message, peer="10.1.2.3:5001") == ["1"]


def at(name: str, port: int, direction: core.TrafficDirection = OUT) -> Resource:
    socket = core.SocketAddress(address="127.0.0.1", port_value=port)
    return Resource.of(
        listener.Listener(
            name=name,
            address=core.Address(socket_address=socket),
            traffic_direction=direction,
        )
    )


def names(served: Served, **asked: Any) -> list[str]:
    request = Request(authority=asked.pop("authority", ""))
    return [each.piece.name for each in listening(served, Asked(request, **asked))]


def test_a_listener_is_found_by_port_by_owner_or_by_what_the_host_names() -> None:
    served = Served(
        answer(
            "n",
            [
                at("outbound-a", 1),
                at("outbound-b", 2),
                at("inbound-a", 3, core.TrafficDirection.INBOUND),
            ],
        )
    )
    assert names(served, connection=Connection(port=2)) == ["outbound-b"]
    assert names(served, connection=Connection(port=9)) == []
    assert names(served, direction="inbound") == ["inbound-a"]
    assert names(served, direction="outbound", owner="b") == ["outbound-b"]
    assert names(served, direction="outbound", authority="x:1") == ["outbound-a"]
    assert names(served, direction="outbound", authority="x") == ["outbound-a", "outbound-b"]
