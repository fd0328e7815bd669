"""The way back of a whole mesh: which of its configs every connected node had accepted.

Nodes depend on each other: what one sends, another has to take. So it is the mesh that goes back
and not the node that refused (docs/RATIONALE.md). Bookkeeping only: ``control.py`` serves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from xds_server import events as xds
from xds_server.clients.status import Status
from xds_server.releases import NoRelease, Release, Releases, release_id
from xds_server.resource import ResourceType
from xds_server.snapshot import Snapshot

MeshRelease = Release[Mapping[str, Snapshot]]


class MeshReleases:
    """Told what is served and what happens, it knows which release all nodes have accepted."""

    def __init__(self, status: Status, clock: Callable[[], float]) -> None:
        self._status, self._clock = status, clock
        self._releases: Releases[Mapping[str, Snapshot]] = Releases()

    @property
    def current(self) -> MeshRelease | None:
        return self._releases.current

    def all(self) -> tuple[MeshRelease, ...]:
        """Those that are remembered, oldest first."""
        return self._releases.all()

    def add(self, snapshots: Mapping[str, Snapshot]) -> MeshRelease:
        """These are served from now on."""
        content = MappingProxyType(dict(sorted(snapshots.items())))
        name = release_id(*content.values())
        return self._releases.add(name, content, self._clock(), self._connected(content))

    def _connected(self, content: Mapping[str, Snapshot]) -> list[str]:
        return [node for node in self._status.nodes() if node in content]

    def revise(self, change: Callable[[Snapshot], Snapshot], nodes: Collection[str]) -> None:
        """As ``Cache.revise``, for these ``nodes``."""
        self._releases.revise(
            lambda it: {node: change(each) if node in nodes else each for node, each in it.items()}
        )

    def heard(self, event: xds.Event) -> bool:
        """What happened; whether it is a refusal of what is served now."""
        match event:
            case xds.StreamOpened(node=node) if self._snapshot(node.id):
                self._releases.joined(node.id)
            case xds.StreamClosed(node=node) if node.id not in self._status.nodes():
                self._releases.left(node.id)
            case xds.Acked(node=node) | xds.Current(node=node):
                self._accepted(node.id)
            case xds.Nacked(record=record):
                return self._refused(record)
        return False

    def _snapshot(self, node: str) -> Snapshot | None:
        return self.current.content.get(node) if self.current else None

    def _accepted(self, node: str) -> None:
        snapshot = self._snapshot(node)
        if snapshot and self._releases.awaits(node) and self._status.applied(node, snapshot):
            self._releases.accepted(node)

    def _refused(self, record: xds.NackRecord) -> bool:
        node, kind = record.node.id, ResourceType.of(record.type_url)

        def meant(content: Mapping[str, Snapshot]) -> bool:
            snapshot = content.get(node)
            version = snapshot.version(kind) if snapshot and kind else ""
            return bool(version) and record.version.startswith(version)

        found = self._releases.refused(node, str(record), meant)
        return found is None or found is self.current

    def back(self) -> MeshRelease:
        """The release to serve again, which is the current one from now on.

        Raises ``NoRelease`` where no earlier one was accepted by all, or it was for a node that is
        gone: what it sends there would be lost.
        """
        target, current = self._releases.target(), self.current
        if target and current:
            here = {*current.content, *self._status.nodes()}
            if gone := sorted(set(target.content) - here):
                raise NoRelease(f"version {target.id} was for {', '.join(gone)} too, which is gone")
        return self._releases.back(self._clock(), self._connected(target.content if target else {}))
