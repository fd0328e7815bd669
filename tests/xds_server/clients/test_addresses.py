"""Addresses as people write them."""

from __future__ import annotations

import pytest

from xds_server import mirror
from xds_server.clients.addresses import text_of
from xds_server.protos import core


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (
            core.Address(socket_address=core.SocketAddress(address="10.0.0.1", port_value=80)),
            "10.0.0.1:80",
        ),
        (core.Address(socket_address=core.SocketAddress(address="::1", port_value=80)), "[::1]:80"),
        (core.Address(socket_address=core.SocketAddress(address="a", named_port="web")), "a:web"),
        (core.Address(pipe=core.Pipe(path="/run/app.sock")), "/run/app.sock"),
    ],
)
def test_an_address_has_a_text(address: core.Address, text: str) -> None:
    message = mirror.parse(core.Address, mirror.serialize(address))
    assert text_of(message) == text
