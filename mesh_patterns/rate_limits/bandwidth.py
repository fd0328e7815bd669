"""``100KiB/s``: bytes in a second, as patterns write them and Envoy counts them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_BANDWIDTH = re.compile(r"(\d+)\s*(KiB|MiB|GiB)/s")
_KIB = {"KiB": 1, "MiB": 1024, "GiB": 1024 * 1024}
MAX_KIB = 2**32 - 1


def parse_bandwidth(text: Any) -> int:
    """KiB in a second, of ``100KiB/s``, ``2MiB/s``; a bare number is an error."""
    if isinstance(text, int) and not isinstance(text, bool):
        raise ValueError(f"expected a unit, such as {text}KiB/s")
    found = _BANDWIDTH.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"expected a bandwidth such as 100KiB/s or 2MiB/s, got {text!r}")
    kib = int(found[1]) * _KIB[found[2]]
    if not 1 <= kib <= MAX_KIB:
        raise ValueError(f"a bandwidth is 1KiB/s to {MAX_KIB}KiB/s, got {text!r}")
    return kib


Kibibytes = Annotated[
    int,
    BeforeValidator(parse_bandwidth),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^{_BANDWIDTH.pattern}$", "examples": ["100KiB/s"]}
    ),
]
