"""A door: how many requests have arrived, as Envoy's counters say it, or an echo without Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mini_mesh.plan import Plan

if TYPE_CHECKING:
    import aiohttp

PAUSE = 0.02  # seconds between two reads while counters still move
MAX_READS = 50
# what counts the requests at an inbound listener or, where it sees none, the connections
_ARRIVALS = (
    ("http.inbound-", ".downstream_rq_total"),
    ("tcp.inbound-", ".downstream_cx_total"),
)


async def reached(plan: Plan, admins: Mapping[str, str]) -> dict[str, int]:
    """How many requests have arrived at each instance, by its id.

    At an Envoy those that its inbound listener has begun to handle, or connections where it sees no
    requests; at an echo without Envoy those that got through its listener. Nobody counts for other
    programs. ``admins`` are the addresses of the Envoys' admin interfaces, by node.
    """
    at_envoys, at_echoes = await asyncio.gather(
        _at_envoys({node: admins[node] for node in plan.proxies}), _at_echoes(plan.counts)
    )
    return {**at_envoys, **at_echoes}


async def _at_echoes(counts: Mapping[str, Path]) -> dict[str, int]:
    found = await asyncio.gather(*(_told(socket) for socket in counts.values()))
    return dict(zip(counts, found, strict=True))


async def _told(socket: Path) -> int:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        return int(await reader.readline())
    finally:
        writer.close()


async def _at_envoys(admins: Mapping[str, str]) -> dict[str, int]:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        texts = await asyncio.gather(
            *(
                _get(session, f"http://{admin}/stats?filter=inbound-.*downstream_(rq|cx)_total$")
                for admin in admins.values()
            )
        )
    found: dict[str, int] = {}
    for line in (line for text in texts for line in text.splitlines()):
        name, _, value = line.rpartition(": ")
        for start, end in _ARRIVALS:
            if name.startswith(start) and name.endswith(end):
                found[name.removeprefix(start).removesuffix(end)] = int(value)
    return found


async def _get(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url) as response:
        response.raise_for_status()
        return str(await response.text())


async def settled(plan: Plan, admins: Mapping[str, str]) -> dict[str, int]:
    """The counters once they stand still: mirrored requests arrive after the answer did."""
    before = await reached(plan, admins)
    for _ in range(MAX_READS):
        await asyncio.sleep(PAUSE)
        now = await reached(plan, admins)
        if now == before:
            break
        before = now
    return before
