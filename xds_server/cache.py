"""The cache: which snapshot each group of nodes is served, and who waits for the next one.

It remembers the last snapshots of each group and what the group's nodes made of them, and can go
back to the last one that all had accepted. No I/O and no locks: it belongs to the event loop that
its server runs on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from xds_server.clients.status import Status
from xds_server.events import Acked, Current, Event, Nacked
from xds_server.groups import misfit
from xds_server.node import Kind, NodeInfo
from xds_server.releases import NoRelease, Release, Releases, release_id
from xds_server.resource import ResourceType
from xds_server.snapshot import Snapshot

Watcher = Callable[[Snapshot], None]
Cancel = Callable[[], None]


@dataclass(slots=True)
class _Group:
    snapshot: Snapshot | None = None
    set_at: float | None = None
    watchers: dict[int, Watcher] = field(default_factory=dict)
    nodes: Counter[str] = field(default_factory=Counter)  # streams of each that is connected
    kinds: Counter[Kind] = field(default_factory=Counter)  # of those streams
    releases: Releases[Snapshot] = field(default_factory=Releases)


class Cache:
    """Snapshots by group; a watcher is told of each new one of its group.

    ``clock`` gives the time at which a snapshot was set, in seconds. ``status`` knows where each
    connected node stands, once a server tells the cache what happens.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.status = Status()
        self._clock = clock
        self._groups: dict[str, _Group] = {}
        self._homes: dict[tuple[str, str], str] = {}  # of each client that is connected
        self._next = 0

    def set(self, group: str, snapshot: Snapshot, withdraw: bool = False) -> None:
        """Serves ``snapshot`` to the group from now on and tells its watchers at once.

        With ``withdraw``, no rollback comes back to the one before. A listener of the server may
        call it.
        """
        held = self._groups.setdefault(group, _Group())
        name, now = release_id(snapshot), self._clock()
        held.releases.add(name, snapshot, now, held.nodes, withdraw)
        self._serve(held, snapshot)

    def revise(self, group: str, change: Callable[[Snapshot], Snapshot]) -> None:
        """Serves what ``change`` makes of the group's snapshot, which stays the same release.

        It is made of those before it as well, so that none of them comes back as it was: with
        certificates that have run out, say.
        """
        held = self._groups.get(group)
        if held is not None and held.snapshot is not None:
            held.releases.revise(change)
            self._serve(held, change(held.snapshot))

    def _serve(self, held: _Group, snapshot: Snapshot) -> None:
        held.snapshot, held.set_at = snapshot, self._clock()
        for watcher in tuple(held.watchers.values()):
            if held.snapshot is snapshot:  # else a listener has set another one meanwhile
                watcher(snapshot)

    def get(self, group: str) -> Snapshot | None:
        held = self._groups.get(group)
        return held.snapshot if held else None

    def set_at(self, group: str) -> float | None:
        """When the group's snapshot was set; ``None`` where there is none."""
        held = self._groups.get(group)
        return held.set_at if held else None

    def groups(self) -> tuple[str, ...]:
        """All groups that have a snapshot, sorted."""
        groups = self._groups.items()
        return tuple(sorted(name for name, held in groups if held.snapshot is not None))

    # who is there

    def watch(self, group: str, watcher: Watcher, node: NodeInfo | None = None) -> Cancel:
        """Calls ``watcher`` for each snapshot set from now on, until the result is called.

        Raises ``NoGroup`` for a ``node`` that is a gRPC client where Envoys are connected, or the
        other way round: they take different config, so one of them is in the wrong group.
        """
        held = self._groups.setdefault(group, _Group())
        if node is not None:
            self._join(group, held, node)
        key, self._next = self._next, self._next + 1
        held.watchers[key] = watcher

        def cancel() -> None:
            if held.watchers.pop(key, None) is None:
                return
            if node is not None:
                self._leave(held, node)
            if not held.watchers and held.snapshot is None:
                self._groups.pop(group, None)

        return cancel

    def _join(self, group: str, held: _Group, node: NodeInfo) -> None:
        other = _OTHERS.get(node.kind)
        if other and held.kinds[other]:
            raise misfit(node, group, other)
        held.kinds[node.kind] += 1
        held.nodes[node.id] += 1
        self._homes[_client(node)] = group
        held.releases.joined(node.id)

    def _leave(self, held: _Group, node: NodeInfo) -> None:
        held.kinds[node.kind] -= 1
        held.nodes[node.id] -= 1
        if not held.nodes[node.id]:
            del held.nodes[node.id]
            self._homes.pop(_client(node), None)
            held.releases.left(node.id)

    # what they make of it

    def record(self, event: Event) -> None:
        """What a server that serves the cache tells it: who accepted and who refused what."""
        self.status.record(event)
        match event:
            case Acked() | Current():
                self._accepted(event)
            case Nacked():
                self._refused(event)

    def _accepted(self, event: Acked | Current) -> None:
        group = self._homes.get(_client(event.node))
        if group is None:
            return
        held, node = self._groups[group], event.node.id
        if held.snapshot is None or not held.releases.awaits(node):
            return
        if event.version == held.snapshot.version(event.type) and self.status.applied(
            node, held.snapshot
        ):
            held.releases.accepted(node)

    def _refused(self, event: Nacked) -> None:
        record = event.record
        group, kind = self._homes.get(_client(record.node)), ResourceType.of(record.type_url)
        if group is not None and kind is not None:
            self._groups[group].releases.refused(
                record.node.id, str(record), lambda it: record.version.startswith(it.version(kind))
            )

    # the way back

    def releases(self, group: str) -> tuple[Release[Snapshot], ...]:
        """The last snapshots of the group, oldest first, each with what its nodes made of it."""
        held = self._groups.get(group)
        return held.releases.all() if held else ()

    def release_at(
        self, group: str, moment: float
    ) -> tuple[Release[Snapshot], float, float | None] | None:
        """What the group was served at a time; see ``Releases.at``."""
        held = self._groups.get(group)
        return held.releases.at(moment) if held else None

    def way_back(self, group: str) -> Release[Snapshot]:
        """Where a rollback of the group would lead. Raises ``NoRelease``."""
        held = self._groups.get(group)
        if held is None:
            raise NoRelease(f"{group}: nothing was served to this group yet")
        try:
            return held.releases.way_back()
        except NoRelease as error:
            raise NoRelease(f"{group}: {error}") from error

    def rollback(self, group: str) -> Release[Snapshot]:
        """Serves the last snapshot before the current one that every node had accepted.

        Where a refused snapshot was taken in parts, this takes the parts back. A listener of the
        server may call it. Raises ``NoRelease`` where there is no such snapshot.
        """
        self.way_back(group)
        held = self._groups[group]
        release = held.releases.back(self._clock(), held.nodes)
        self._serve(held, release.content)
        return release


def _client(node: NodeInfo) -> tuple[str, str]:
    return node.id, node.user_agent_name


_OTHERS: dict[Kind, Kind] = {"envoy": "grpc", "grpc": "envoy"}
