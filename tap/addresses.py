"""Envoy's addresses as text. Source: Envoy, ``envoy.config.core.v3.Address``."""

from __future__ import annotations

from typing import Any


def address_of(address: Any) -> str:
    """``ip:port`` or the path of a pipe, of a protobuf message; "" for an empty one."""
    socket = address.socket_address
    if socket.address:
        return f"{socket.address}:{socket.port_value}"
    path: str = address.pipe.path
    return path
