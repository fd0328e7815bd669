"""A door: asks a mesh's Envoys what they have counted, once or twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from debugger.admin.interface import Interface, interfaces, understood
from debugger.stats.change import Reading, read
from debugger.stats.naming import Names
from debugger.traffic.flow import Told


async def readings(admins: Mapping[str, str]) -> dict[str, Reading]:
    """Of each Envoy now, by its node. Raises ``AdminError``."""
    async with interfaces(admins) as envoys:
        found = await asyncio.gather(*map(reading, envoys.values()))
    return dict(zip(envoys, found, strict=True))


async def reading(envoy: Interface) -> Reading:
    """All of its stats, now. Raises ``AdminError``."""
    parts = [await envoy.ask(each) for each in ("counters", "gauges", "buckets")]
    with understood(envoy.address):
        return read(time.monotonic(), *parts)


async def names(envoy: Interface) -> Names:
    """The clusters that it has, and its listeners, whose stats are called as they are."""
    clusters, listeners = [await envoy.ask(each) for each in ("clusters", "listeners")]
    with understood(envoy.address):
        return Names(
            [each["name"] for each in clusters.get("cluster_statuses", ())],
            [each["name"] for each in listeners.get("listener_statuses", ())],
        )


async def told(
    admins: Mapping[str, str], before: Mapping[str, Reading] | None = None
) -> dict[str, Told]:
    """What each has counted since ``before``, or since its start. Raises ``AdminError``."""
    async with interfaces(admins) as envoys:
        called = await asyncio.gather(*map(names, envoys.values()))
        after = await asyncio.gather(*map(reading, envoys.values()))
    return {
        node: Told((before or {}).get(node, Reading(0.0)), now, known)
        for node, now, known in zip(envoys, after, called, strict=True)
    }


def admins_of(state: Mapping[str, Any]) -> dict[str, str]:
    """The addresses of a mesh's admin interfaces, by node."""
    return {node: each["admin"].removeprefix("http://") for node, each in state["envoys"].items()}


async def uptime(admins: Mapping[str, str]) -> float:
    """How long the oldest of them runs, in seconds. Raises ``AdminError``."""
    async with interfaces(admins) as envoys:
        found = await asyncio.gather(*(each.ask("server") for each in envoys.values()))
    told = [str(each.get("uptime_current_epoch", "0s")).removesuffix("s") for each in found]
    return max((float(each) for each in told if each.replace(".", "").isdigit()), default=0.0)
