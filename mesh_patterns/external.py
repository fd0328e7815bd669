"""Services that are none of the mesh's: others run them, the mesh knows where they are.

As Istio's ServiceEntry describes them. There is no workload and no Envoy for one: its callers'
Envoys send to its addresses, or the egress gateway's does for them.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from mesh_yaml.place import Place

MAX_ADDRESSES = 64  # of one service


@dataclass(frozen=True, slots=True)
class Address:
    """Where it listens: an IP address or a name that Envoy looks up, and a port."""

    host: str
    port: int

    @property
    def named(self) -> bool:
        """Whether it has to be looked up."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return True
        return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Origination:
    """TLS that Envoy puts around what callers send in the clear.

    ``sni`` is the name that it asks for; the certificate has to be of one of ``names`` and signed
    by an authority of the file ``authorities``. Without that file nothing is verified. If it is
    ``mutual``, callers show the certificates that they have in the mesh.
    """

    sni: str
    names: tuple[str, ...] = ()
    authorities: Path | None = None
    mutual: bool = False


@dataclass(frozen=True, slots=True)
class External:
    """All that is known of it."""

    addresses: tuple[Address, ...]
    place: Place
    tls: Origination | None = None

    @property
    def named(self) -> bool:
        """Whether any of its addresses has to be looked up."""
        return any(each.named for each in self.addresses)

    @property
    def authority(self) -> str:
        """What it is to be called in requests: its one name, "" where it has none."""
        names = {each.host for each in self.addresses if each.named}
        return names.pop() if len(names) == 1 else ""


def address(text: str) -> Address:
    """``api.example.com:443``, ``10.0.0.1:80`` or ``[::1]:80``.

    Raises:
        ValueError: it is none of these.
    """
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host != bare
    if not colon or not bare or not port.isascii() or not port.isdigit() or len(port) > 5:
        raise ValueError(f"expected HOST:PORT, got {text!r}")
    found = Address(bare.lower(), int(port))
    if not 1 <= found.port <= 65535:
        raise ValueError(f"a port lies between 1 and 65535, got {port}")
    if bracketed and host != f"[{bare}]":
        raise ValueError(f"expected HOST:PORT, got {text!r}")
    if bracketed != (":" in bare) or not _is_host(found):
        raise ValueError(f"expected a host's name or an IP address, got {host!r}")
    return found


def _is_host(found: Address) -> bool:
    """https://www.rfc-editor.org/rfc/rfc1123#section-2.1"""
    if not found.named:
        return True
    labels = found.host.removesuffix(".").split(".")
    last_is_number = labels[-1].isdigit()  # as of 10.0.0.300, which nobody has
    return (
        len(found.host) <= 253
        and not last_is_number
        and all(
            0 < len(label) < 64
            and label.replace("-", "a").replace("_", "a").isalnum()
            and label.isascii()
            for label in labels
        )
    )
