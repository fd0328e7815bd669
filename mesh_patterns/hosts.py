"""The hosts of a service in the groups that a caller takes them in: by priority, and by locality.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mesh_patterns.draft import Draft, Target
from mesh_patterns.model import Instance, Version
from mesh_patterns.policy import Failover

_FINE = 1000  # weights are whole numbers


@dataclass(frozen=True, slots=True)
class Group:
    """Hosts of one priority (0 is asked first, and none is left out) in one locality, each with its
    weight; ``None`` is Envoy's 1.
    """

    priority: int
    locality: tuple[str, ...]  # region, zone and sub-zone; empty is none
    hosts: tuple[tuple[Instance, int | None], ...]


def groups(
    draft: Draft, target: Target, failover: Failover | None = None, here: tuple[str, ...] = ()
) -> tuple[Group, ...]:
    """All hosts of a target, for a caller in the locality ``here``. Without hosts, one group."""
    service = draft.mesh.services[target.service]
    found: dict[tuple[int, tuple[str, ...]], list[tuple[Instance, int | None]]] = {}
    for version, instance in service.workloads():
        if target.has(instance):
            key = (_priority(version, failover, here), version.locality)
            found.setdefault(key, []).append((instance, version.weight))
    if not found:
        return (Group(0, (), ()),)
    ranks = _ranks(priority for priority, _ in found)
    return tuple(
        Group(ranks[priority], locality, tuple(hosts))
        for (priority, locality), hosts in sorted(found.items(), key=lambda item: item[0][0])
    )


def shares(
    found: Sequence[Group], localities: Iterable[tuple[tuple[str, ...], int]]
) -> Sequence[int]:
    """What each group gets of the requests, in proportion. A region's share is that of its zones
    together, by their hosts; of two that hold, the narrower counts. Who has no share gets nothing.
    """
    given = dict(localities)
    owners = [_owner(each.locality, given) for each in found]
    sizes = [sum(weight or 1 for _, weight in each.hosts) for each in found]
    of: dict[tuple[str, ...], int] = {}
    for owner, size in zip(owners, sizes, strict=True):
        if owner is not None:
            of[owner] = of.get(owner, 0) + size
    return [
        0 if owner is None else round(_FINE * given[owner] * size / of[owner])
        for owner, size in zip(owners, sizes, strict=True)
    ]


def _owner(
    locality: tuple[str, ...], given: Mapping[tuple[str, ...], int]
) -> tuple[str, ...] | None:
    parts = (locality[:length] for length in range(len(locality), 0, -1))
    return next((each for each in parts if each in given), None)


def _ranks(priorities: Iterable[int]) -> Mapping[int, int]:
    """Envoy refuses priorities between which one is missing."""
    return {priority: rank for rank, priority in enumerate(sorted(set(priorities)))}


def _priority(version: Version, failover: Failover | None, here: tuple[str, ...]) -> int:
    if failover is None or not (failover.order or failover.local):
        return version.priority
    if failover.order:
        order = failover.order
        return order.index(version.name) if version.name in order else len(order)
    shared = 0  # how much of the locality they have in common: the nearest first
    while shared < len(here) and here[: shared + 1] == version.locality[: shared + 1]:
        shared += 1
    return len(here) - shared
