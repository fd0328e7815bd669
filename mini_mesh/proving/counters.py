"""A door: Envoy's own counters, read from the admin interface."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mesh_patterns.placement import Proxy

if TYPE_CHECKING:
    import aiohttp

PAUSE = 0.02  # seconds between two reads while counters still move
MAX_READS = 50


async def reached(proxies: Mapping[str, Proxy], admins: Mapping[str, str]) -> dict[str, int]:
    """How many requests each instance's inbound listener has begun to handle, by instance id.

    ``admins`` are the addresses of the Envoys' admin interfaces, by node.
    """
    import aiohttp

    async with aiohttp.ClientSession() as session:
        texts = await asyncio.gather(
            *(
                _get(session, f"http://{admins[node]}/stats?filter=^http.inbound-.*rq_total$")
                for node in proxies
            )
        )
    found: dict[str, int] = {}
    for line in (line for text in texts for line in text.splitlines()):
        name, _, value = line.rpartition(": ")
        if name.startswith("http.inbound-") and name.endswith(".downstream_rq_total"):
            instance = name.removeprefix("http.inbound-").removesuffix(".downstream_rq_total")
            found[instance] = int(value)
    return found


async def _get(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url) as response:
        response.raise_for_status()
        return str(await response.text())


async def settled(proxies: Mapping[str, Proxy], admins: Mapping[str, str]) -> dict[str, int]:
    """The counters once they stand still: mirrored requests arrive after the answer did."""
    before = await reached(proxies, admins)
    for _ in range(MAX_READS):
        await asyncio.sleep(PAUSE)
        now = await reached(proxies, admins)
        if now == before:
            break
        before = now
    return before
