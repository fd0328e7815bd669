"""A control plane: typed resources in, the xDS protocol out.

Floor 1 of the house. The way through it::

    Resource ─ Snapshot ─ Cache ─ sessions/ ─ serving/ ─ Envoys, gRPC clients
       │          │                  │
       │          │                  └ clients/: where each stands, and the services that ask them
       │          └ catalogue, references, aliases: one type's resources, and what they need
       └ mirror/: typed messages ↔ bytes

Sessions are plain objects: requests and snapshots in, responses and events out. A NACK is read by
``sessions/nack.py``. ``serving/server.py`` is the only module that opens a gRPC port;
``mirror/__init__.py`` the only one that knows protobuf's C core; ``protos.py`` the only one that
imports Envoy's messages. ``groups.py`` says which snapshot a node gets, ``releases.py`` where a
group can go back to.

Beside discovery, a server's port may serve client status (``clients/csds.py``), load reports
(``clients/lrs.py``) and health checks that Envoys make (``clients/hds.py``): each a door, with its
nouns in a room beside it.

As a library (``examples/control_plane.py``): put a ``Snapshot`` of ``Resource`` into a ``Cache``,
and an ``XdsServer`` serves it. ``Snapshot.replacing`` makes the next one at the cost of what
changed. Its ``on_event`` is told of each ``StreamOpened``, ``Sent``, ``Acked``, ``Current``,
``Nacked`` and ``StreamClosed``; ``Groups``, a table of ``Rule``, says who gets what;
``Cache.rollback`` goes back to what every node of a group had accepted. The names below are
imported when they are first used: Envoy's messages take a quarter of a second.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xds_server.cache import Cache
    from xds_server.clients.csds import Csds
    from xds_server.clients.endpoint_health import ClusterCheck, Health, with_health
    from xds_server.clients.hds import Hds
    from xds_server.clients.health_checks import HealthChanged, HealthChecks
    from xds_server.clients.journal import Journal
    from xds_server.clients.load_reports import ClusterLoad, LoadReport, LoadReports
    from xds_server.clients.lrs import Lrs
    from xds_server.clients.status import Status, TypeStatus
    from xds_server.errors import (
        InconsistentSnapshot,
        LocalXdsError,
        MessageError,
        RemoteXdsError,
        ResourceError,
        XdsError,
    )
    from xds_server.events import (
        Acked,
        Current,
        Event,
        Nacked,
        NackRecord,
        Sent,
        StreamClosed,
        StreamOpened,
    )
    from xds_server.groups import Groups, NoGroup, Rule
    from xds_server.mirror import any_of
    from xds_server.node import NodeInfo, by_node_id
    from xds_server.releases import NoRelease, Release
    from xds_server.resource import Resource, ResourceType
    from xds_server.serving.server import XdsServer
    from xds_server.snapshot import Snapshot

__all__ = [
    "Acked",
    "Cache",
    "ClusterCheck",
    "ClusterLoad",
    "Csds",
    "Current",
    "Event",
    "Groups",
    "Hds",
    "Health",
    "HealthChanged",
    "HealthChecks",
    "InconsistentSnapshot",
    "Journal",
    "LoadReport",
    "LoadReports",
    "LocalXdsError",
    "Lrs",
    "MessageError",
    "NackRecord",
    "Nacked",
    "NoGroup",
    "NoRelease",
    "NodeInfo",
    "Release",
    "RemoteXdsError",
    "Resource",
    "ResourceError",
    "ResourceType",
    "Rule",
    "Sent",
    "Snapshot",
    "Status",
    "StreamClosed",
    "StreamOpened",
    "TypeStatus",
    "XdsError",
    "XdsServer",
    "any_of",
    "by_node_id",
    "with_health",
]

_HOMES = {
    "cache": ("Cache",),
    "clients.csds": ("Csds",),
    "errors": (
        "InconsistentSnapshot",
        "LocalXdsError",
        "MessageError",
        "RemoteXdsError",
        "ResourceError",
        "XdsError",
    ),
    "events": (
        "Acked",
        "Current",
        "Event",
        "NackRecord",
        "Nacked",
        "Sent",
        "StreamClosed",
        "StreamOpened",
    ),
    "groups": ("Groups", "NoGroup", "Rule"),
    "clients.hds": ("Hds",),
    "clients.endpoint_health": ("ClusterCheck", "Health", "with_health"),
    "clients.health_checks": ("HealthChanged", "HealthChecks"),
    "clients.journal": ("Journal",),
    "clients.load_reports": ("ClusterLoad", "LoadReport", "LoadReports"),
    "clients.lrs": ("Lrs",),
    "mirror": ("any_of",),
    "node": ("NodeInfo", "by_node_id"),
    "releases": ("NoRelease", "Release"),
    "resource": ("Resource", "ResourceType"),
    "serving.server": ("XdsServer",),
    "snapshot": ("Snapshot",),
    "clients.status": ("Status", "TypeStatus"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, from the module that it lives in (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
