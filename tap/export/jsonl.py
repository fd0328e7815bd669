"""JSON lines: what ``meshloom tap --json`` prints (``tap.live.wire``), bodies included."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from mesh_traffic import Exchange
from tap.live.wire import exchange_to_json


def write(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    for exchange in exchanges:
        yield json.dumps(exchange_to_json(exchange)).encode() + b"\n"
