"""IP addresses as Envoy reads and writes them: with the C library, not as Python does.

Source: envoy, source/common/network/address_impl.cc (Ipv6Instance, which writes with inet_ntop);
measured in tests/wasm_filters/test_name_fidelity.py.
"""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parsed(text: str) -> Address | None:
    """The address that ``text`` is; None if it is none, or has a zone (``fe80::1%lo``)."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def written(address: Address) -> str:
    """``::0.1.0.128`` where Python has ``::1:80``; ``::ffff:1.2.3.4`` has dots in 3.13 alone."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    return socket.inet_ntop(family, address.packed)


def without_port(address: Address) -> str:
    """As Envoy shows an address of no port: with port 0, and brackets around IPv6."""
    return f"[{written(address)}]:0" if address.version == 6 else f"{written(address)}:0"
