"""The door that takes the picture: asks Envoys' admin interfaces, knocks at workloads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from debugger.admin.interface import AdminError, Interface, interfaces, understood
from debugger.doctor.picture import Json, Node, Picture, Seen
from xds_server.clients import dump

KNOCK = 1.0  # seconds in which a workload takes a connection


async def picture(
    nodes: Iterable[Node],
    admins: Mapping[str, str],
    workloads: Mapping[str, str],
    releases: Iterable[Json] = (),
    silent: str = "",
) -> Picture:
    """Of these nodes; ``admins`` and ``workloads`` are addresses, ``HOST:PORT``, by name."""
    known = list(nodes)
    async with interfaces(admins) as envoys:
        seen, knocked = await asyncio.gather(
            asyncio.gather(*(_look(each, envoys.get(each.name)) for each in known)),
            asyncio.gather(*map(_knock, workloads.values())),
        )
    open_ = dict(zip(workloads, knocked, strict=True))
    return Picture(tuple(seen), time.time(), open_, tuple(releases), silent)


async def _look(node: Node, envoy: Interface | None) -> Node:
    if envoy is None:
        return node
    try:
        return replace(node, seen=await look(envoy))
    except AdminError as error:
        return replace(node, silent=str(error))


async def look(envoy: Interface) -> Seen:
    """What one Envoy says of itself. Raises ``AdminError``."""
    questions = ("config", "stats", "clusters", "listeners", "certificates", "server")
    config, stats, clusters, listeners, certificates, server = [
        await envoy.ask(each) for each in questions
    ]
    with understood(envoy.address):
        return Seen(
            dump.read(config),
            {each["name"]: each["value"] for each in stats["stats"] if _is_number(each)},
            tuple(clusters.get("cluster_statuses", ())),
            frozenset(each["name"] for each in listeners.get("listener_statuses", ())),
            tuple(certificates.get("certificates", ())),
            server,
        )


def _is_number(stat: Json) -> bool:
    return isinstance(stat.get("value"), int)  # text readouts and histograms are not


async def _knock(address: str) -> str:
    """Why nobody opens at ``HOST:PORT``; empty where somebody does."""
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), KNOCK)
    except (OSError, TimeoutError) as error:
        return f"{address}: {getattr(error, 'strerror', None) or 'no answer'}"
    writer.close()
    return ""
