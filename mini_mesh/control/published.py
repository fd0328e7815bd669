"""What a node is given while it runs, in place of its files' own resource of that name.

A filter's config that comes by ECDS can be swapped on open connections; who swaps it is not the
files but somebody who looks at the mesh. It stays as published, whatever the files say meanwhile.
"""

from __future__ import annotations

import asyncio

from xds_server import events as xds
from xds_server.clients.status import Status
from xds_server.resource import Resource, ResourceType
from xds_server.snapshot import Snapshot


class Published:
    """By node. ``status`` knows what each of them makes of it."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._resources: dict[str, dict[tuple[ResourceType, str], Resource]] = {}
        self._changed = asyncio.Event()

    def put(self, node: str, resource: Resource) -> None:
        self._resources.setdefault(node, {})[resource.type, resource.name] = resource

    def drop(self, node: str, resource: Resource) -> None:
        """Forget what was published in place of this one."""
        self._resources.get(node, {}).pop((resource.type, resource.name), None)

    def over(self, node: str, snapshot: Snapshot) -> Snapshot:
        """The node's snapshot with what was published for it; what it has no place for is left."""
        published = self._resources.get(node, {}).items()
        fitting = [it for (kind, name), it in published if name in snapshot.resources(kind)]
        return snapshot.replacing(fitting) if fitting else snapshot

    def heard(self, event: xds.Event) -> None:
        if not isinstance(event, xds.Sent):
            self._changed.set()
            self._changed = asyncio.Event()

    def changed(self) -> asyncio.Event:
        """Set when a node next says something; to be asked for before looking at ``standing``."""
        return self._changed

    def standing(self, node: str, kind: ResourceType, snapshot: Snapshot | None) -> str:
        """Why the node does not go by its resources of this kind yet; "" when it does."""
        if snapshot is not None and not snapshot.resources(kind):
            return ""  # an Envoy that is given none asks for none
        told = self._status.of(node).get(kind)
        if snapshot is None or told is None:
            return "it is not connected to the control plane"
        if told.nack is not None:
            return f"it refused its new config: {told.nack.text}"
        accepted = told.acked == snapshot.version(kind) and not told.waiting
        return "" if accepted else "it has not taken its new config yet"
