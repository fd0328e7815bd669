"""How a claim's requests are sent, beyond method, path and headers."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from mesh_patterns.spec import Name
from mesh_yaml.spec import Spec

MAX_BODY_SIZE = 64 * 1024 * 1024  # bytes that a claim may send at a time
MAX_CONNECTIONS = 1000

_SIZE = re.compile(r"(\d+)\s*(B|kB|KiB|MB|MiB)?")
_UNITS = {"": 1, "B": 1, "kB": 1000, "KiB": 1024, "MB": 1000**2, "MiB": 1024**2}


def parse_size(value: Any) -> int:
    """``500``, ``64KiB``, ``1MiB``: bytes. Raises ValueError."""
    found = None if isinstance(value, bool) else _SIZE.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f"expected a size such as 500, 64KiB or 1MiB, got {value!r}")
    size = int(found[1]) * _UNITS[found[2] or ""]
    if size > MAX_BODY_SIZE:
        raise ValueError(f"a body has at most {MAX_BODY_SIZE // 1024**2} MiB, got {value!r}")
    return size


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": ["integer", "string"], "examples": ["64KiB"]}),
]


class TlsSpec(Spec):
    """TLS from the first byte on. Nobody checks the other side's certificate: it is told."""

    sni: str | None = Field(None, description="whom to ask for; by default the Host header")
    certificate: Name | None = Field(
        None, description="a service whose certificate is shown; none if absent"
    )
