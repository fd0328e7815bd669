"""A mesh at one moment, as plain data: what a door has collected, and checks look at.

What nobody could be asked is None: a check that needs it finds nothing then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from debugger.configs.pushed import Pushed
from xds_server.clients.dump import Held
from xds_server.resource import ResourceType

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What an Envoy's admin interface says. ``stats`` are its counters and gauges."""

    dump: Mapping[ResourceType, Iterable[Held]]
    stats: Mapping[str, int]
    clusters: tuple[Json, ...]  # cluster_statuses
    listeners: frozenset[str]  # those that are bound
    certificates: tuple[Json, ...]
    server: Json


@dataclass(frozen=True, slots=True)
class Node:
    """One client of the control plane. ``connected`` is what that says of it.

    ``seen`` is None where it has no admin interface that is known; ``silent`` is why one that is
    known does not answer.
    """

    name: str
    kind: str = "envoy"
    pushed: tuple[Pushed, ...] = ()
    connected: bool | None = None
    seen: Seen | None = None
    silent: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """``now`` is in epoch seconds. ``workloads`` says of each why it takes no connection, or "".

    ``releases`` are what was served, oldest first; ``silent`` is why the control plane does not
    answer.
    """

    nodes: tuple[Node, ...]
    now: float = 0.0
    workloads: Mapping[str, str] = field(default_factory=dict)
    releases: tuple[Json, ...] = ()
    silent: str = ""
