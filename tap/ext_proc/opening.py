"""What the metadata of a stream tells of its request, before any message comes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "x-meshloom-"  # of the metadata that the filter's config adds (compile/ext_proc.py)


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of a request when its stream opens: ``client`` and ``listener`` are addresses,
    ``ip:port``; ``started`` is in epoch seconds, None where it was not told."""

    client: str = ""
    listener: str = ""
    started: float | None = None


def opening_of(metadata: Mapping[str, str]) -> tuple[str, Opening]:
    """The Envoy's node id, and what it told; ``metadata`` is without the prefix."""
    node, client, listener, started = (
        metadata.get(name, "") for name in ("node", "client", "listener", "started")
    )
    return node, Opening(client, listener, _time(started))


def _time(text: str) -> float | None:
    try:
        time = float(text)
    except ValueError:
        return None
    return time if math.isfinite(time) else None
