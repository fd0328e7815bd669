"""An endpoint's address as people write it: ``10.0.0.1:80``, ``[::1]:80``, ``/run/app.sock``."""

from __future__ import annotations

from typing import Any


def text_of(address: Any) -> str:
    """Of an ``envoy.config.core.v3.Address`` message."""
    if address.HasField("pipe"):
        return str(address.pipe.path)
    socket = address.socket_address
    host = f"[{socket.address}]" if ":" in socket.address else socket.address
    return f"{host}:{socket.named_port or socket.port_value}"
