"""What names stand for: the answers of a resolver that asks nobody, as Envoy's would give them.

Literal addresses, ``localhost`` and what is no name are answered at once, while the hostcall runs;
all else comes later, from a script.

Source: envoy, source/extensions/common/wasm/context.cc (onResolveDns), and c-ares, which Envoy
asks; measured in tests/wasm_filters/test_name_fidelity.py.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from wasm_filters.properties.addresses import Address, parsed, without_port

_NAME = re.compile(r"[A-Za-z0-9._/*-]*")  # what c-ares looks up
_LOCAL = "localhost"
_NUMBER = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Resolved:
    """The ``addresses`` of a name, each for ``ttl`` seconds, known ``after`` so many seconds.

    IPv4 addresses count only where there is none of IPv6. A name without addresses is not there;
    ``failed``: nobody knows. ValueError: something that is no IP address, or has a zone.
    """

    addresses: tuple[str, ...] = ()
    ttl: int = 0
    after: float = 0.0
    failed: bool = False

    def __post_init__(self) -> None:
        self._parsed()

    def data(self) -> bytes:
        """What the callback reads: a count, as many TTLs, as many ``address:0`` that end with 0."""
        if self.failed:
            return b""
        given = self._parsed()
        newest = max((each.version for each in given), default=4)
        shown = [without_port(each) for each in given if each.version == newest]
        numbers = [len(shown), *[self.ttl] * len(shown)]
        texts = [each.encode() + b"\0" for each in shown]
        return b"".join([*map(_NUMBER.pack, numbers), *texts])

    def _parsed(self) -> list[Address]:
        found = []
        for text in self.addresses:
            address = parsed(text)
            if address is None:
                raise ValueError(f"expected an IPv4 or IPv6 address without a zone, got {text!r}")
            found.append(address)
        return found


def at_once(name: str) -> Resolved | None:
    """The answer that needs no asking; None if there is none."""
    if name == _LOCAL or name.endswith("." + _LOCAL):
        return Resolved(("::1",))
    if parsed(name) is not None:
        return Resolved((name,))
    return None if _NAME.fullmatch(name) else Resolved(failed=True)
