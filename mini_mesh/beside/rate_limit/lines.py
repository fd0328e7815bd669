"""The lines by which the rate limit service's process is told its rules."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mesh_patterns.rate_limits.rules import Domain


def encode(domains: Sequence[Domain]) -> bytes:
    """The line that makes the service follow these rules, and no others."""
    return msgspec.json.encode(domains) + b"\n"


def decode(line: bytes) -> Sequence[Domain]:
    return msgspec.json.decode(line, type=tuple[Domain, ...])
