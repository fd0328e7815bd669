"""The lines by which the process is told its policies."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mesh_patterns.ext_authz.rules import CheckPolicy


def encode(policies: Sequence[CheckPolicy]) -> bytes:
    """The line that makes it go by these."""
    return msgspec.json.encode(policies) + b"\n"


def decode(line: bytes) -> Sequence[CheckPolicy]:
    return msgspec.json.decode(line, type=tuple[CheckPolicy, ...])
