"""What a node was served, whole, as data: for who wants to know what it decided by.

Bodies are the resources' bytes in base64, without private keys and passwords; secrets stay here.
"""

from __future__ import annotations

import asyncio
import base64
import math
import time
from collections.abc import Iterable
from typing import Any

from xds_server import mirror
from xds_server.clients.journal import Entry
from xds_server.errors import RemoteXdsError
from xds_server.resource import Resource, ResourceType
from xds_server.snapshot import Snapshot

MAX_RESOURCES = 20_000  # of one node that are told
MAX_BYTES = 20 * 2**20  # of them, before base64
_STEP = 50  # resources that are told before others have their turn
_ANSWERS = ("acked", "current")


def moment(given: object) -> float:
    """The time that is asked about; now, where none is. Raises ``RemoteXdsError``."""
    if given is None:
        return time.time()
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise RemoteXdsError(f"at: got {given!r}, wanted seconds since the epoch")
    return float(given)


def settled(entries: Iterable[Entry], since: float, until: float | None) -> float | None:
    """When the node had last accepted something of what was served from ``since`` on."""
    end = math.inf if until is None else until
    return max((e.at for e in entries if e.what in _ANSWERS and since <= e.at < end), default=None)


async def resources(node: str, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Raises ``RemoteXdsError`` where there are more than can be told."""
    told = [each for each in snapshot if each.type is not ResourceType.SECRET]
    size = sum(len(each.body) for each in told)
    if len(told) > MAX_RESOURCES or size > MAX_BYTES:
        raise RemoteXdsError(
            f"{node} has {len(told)} resources of {size} bytes, wanted at most {MAX_RESOURCES} "
            f"and {MAX_BYTES} bytes",
            "RESOURCE_EXHAUSTED",
        )
    found = []
    for done, each in enumerate(told, 1):
        found.append(_as_json(each))
        if done % _STEP == 0:
            await asyncio.sleep(0)
    return found


def _as_json(resource: Resource) -> dict[str, Any]:
    body = mirror.redacted(resource.type.type_url, resource.body)
    return {
        "type": resource.type.title,
        "name": resource.name,
        "version": resource.version,
        "body": base64.b64encode(body).decode(),
        "origins": dict(resource.origins),
    }
