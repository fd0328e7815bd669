"""A door: how long a change of listeners, or of clusters, takes to be accepted by most Envoys.

SMP's ``lds_latency_ms`` and ``cds_latency_ms``: the time until 90 % of the proxies have the change.
What is changed is a line of metadata, which does nothing; afterwards all is served as before.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping

from mini_mesh.control.plane import ControlPlane
from xds_server.resource import Resource, ResourceType

MOST = 0.9
PATIENCE = 10.0  # seconds
# The field "metadata" of each message: its tag on the wire. A message may be written in parts, and
# is what all of them say (protobuf, "Last One Wins").
_METADATA = {ResourceType.LISTENER: b"\x32", ResourceType.CLUSTER: b"\xca\x01"}


class NotTaken(Exception):
    """Not enough Envoys took a change."""


async def latency(control: ControlPlane, kind: ResourceType, number: int = 0) -> float:
    """Milliseconds from the change until ``MOST`` of the Envoys have ACKed it.

    ``number`` makes it another change than those before. Raises ``NotTaken``.
    """
    before = _first_of_each(control, kind)
    if not before:
        raise NotTaken(f"nobody has a {kind.title}")
    start = time.perf_counter()
    for node, resource in before.items():
        control.publish(node, _marked(resource, number))
    try:
        times = await _taken(control, kind, set(before), start)
    finally:
        for node, resource in before.items():
            control.withdraw(node, resource)
        await _taken(control, kind, set(before), start)
    return times[math.ceil(MOST * len(before)) - 1] * 1000


def _first_of_each(control: ControlPlane, kind: ResourceType) -> Mapping[str, Resource]:
    found = {}
    for node in control.nodes:
        snapshot = control.snapshot(node)
        if control.kind(node) == "envoy" and snapshot and snapshot.resources(kind):
            found[node] = next(iter(snapshot.resources(kind).values()))
    return found


def _marked(resource: Resource, number: int) -> Resource:
    """The same with a key in its filter metadata, of an empty value."""
    key = b"meshloom.push.%d" % number
    entry = b"\x0a" + bytes([len(key)]) + key
    metadata = b"\x0a" + bytes([len(entry)]) + entry
    body = resource.body + _METADATA[resource.type] + bytes([len(metadata)]) + metadata
    return Resource.of_bytes(resource.type, resource.name, body, origins=resource.origins)


async def _taken(
    control: ControlPlane, kind: ResourceType, nodes: set[str], start: float
) -> list[float]:
    """When each went by its new config, in seconds since ``start``, the first one first."""
    times: list[float] = []
    left, end = set(nodes), time.perf_counter() + PATIENCE
    while left:
        changed = control.changed()
        through = {node for node in left if not control.standing(node, kind)}
        times += [time.perf_counter() - start] * len(through)
        left -= through
        if not left:
            break
        try:
            await asyncio.wait_for(changed.wait(), end - time.perf_counter())
        except TimeoutError as error:
            why = "; ".join(f"{node}: {control.standing(node, kind)}" for node in sorted(left))
            raise NotTaken(why) from error
    return times
