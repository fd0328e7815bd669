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


def address_in(address: dict[str, Any] | None) -> str:
    """The same of its JSON; raises as what is none does."""
    if not address:
        return ""
    if pipe := address.get("pipe"):
        return str(pipe["path"])
    socket = address.get("socket_address")
    return f"{socket['address']}:{socket['port_value']}" if socket else ""
