"""A door: Envoys' own counters and gauges, before a claim's requests and after."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

# of a listener that was replaced, or only some filter chains of it
DRAINING = (
    "listener_manager.total_listeners_draining",
    "listener_manager.total_filter_chains_draining",
)
PAUSE = 0.05  # seconds between two looks at what drains


@dataclass(frozen=True, slots=True)
class Stats:
    """Of one Envoy, by name."""

    counters: Mapping[str, int]
    gauges: Mapping[str, int]


async def read(admins: Mapping[str, str]) -> dict[str, Stats]:
    """All of the Envoys with these admin addresses, by node."""
    import aiohttp

    async with aiohttp.ClientSession() as session:
        found = await asyncio.gather(*(_of(session, admin) for admin in admins.values()))
    return dict(zip(admins, found, strict=True))


async def _of(session: aiohttp.ClientSession, admin: str) -> Stats:
    counters, gauges = await asyncio.gather(
        _named(session, admin, "Counters"), _named(session, admin, "Gauges")
    )
    return Stats(counters, gauges)


async def _named(session: aiohttp.ClientSession, admin: str, kind: str) -> dict[str, int]:
    async with session.get(f"http://{admin}/stats?format=json&type={kind}") as response:
        response.raise_for_status()
        found: dict[str, Any] = await response.json()
    return {each["name"]: int(each["value"]) for each in found["stats"] if "name" in each}


def grown(before: Mapping[str, Stats], after: Mapping[str, Stats]) -> dict[str, dict[str, int]]:
    """By node: how much each counter grew, and where each gauge stands. An Envoy that was started
    anew has grown by all that it counts."""
    found = {}
    for node, now in after.items():
        was = before[node].counters if node in before else {}
        since = {
            name: value - was.get(name, 0) if value >= was.get(name, 0) else value
            for name, value in now.counters.items()
        }
        found[node] = {**now.gauges, **since}
    return found


async def drained(admins: Mapping[str, str]) -> None:
    """Until no Envoy has a listener left that was replaced: connections to it end with it."""
    while True:
        now = await read(admins)
        if not any(each.gauges.get(name, 0) for each in now.values() for name in DRAINING):
            return
        await asyncio.sleep(PAUSE)
