"""The mesh's control plane: snapshots out, and what each Envoy made of them.

Wires ``xds_server`` to the mesh's events. Imported only once the processes are on their way: it
brings Envoy's messages with it, a quarter of a second that the Envoys use for starting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mesh_patterns.placement import HOST
from mini_mesh.control import commands
from mini_mesh.control.answers import Answers
from mini_mesh.control.groups import NO_KINDS, NodeGroups
from mini_mesh.control.progress import Progress
from mini_mesh.control.published import Published
from mini_mesh.control.rollback import MeshRelease, MeshReleases
from mini_mesh.events import (
    Event,
    NotRolledBack,
    Refused,
    RolledBack,
    TurnedAway,
)
from xds_server import events as xds
from xds_server.cache import Cache
from xds_server.clients.csds import Csds
from xds_server.clients.journal import Journal
from xds_server.clients.load_reports import LoadReports
from xds_server.clients.lrs import Lrs
from xds_server.clients.status import Status
from xds_server.groups import NoGroup, ServedKind, fits
from xds_server.releases import NoRelease, Release
from xds_server.resource import Resource, ResourceType
from xds_server.serving.server import XdsServer
from xds_server.snapshot import Snapshot

if TYPE_CHECKING:
    from xds_server.serving.metrics import Metrics


class ControlPlane:
    """Serves each node its snapshot, and tells ``report`` when it is in effect or refused.

    With ``automatic``, a refusal takes all nodes back to the last config that all had accepted.
    ``admins`` gives the addresses of the Envoys' admin interfaces, by node, as far as known.
    ``journal`` and ``loads`` are what is remembered of the nodes and of their load reports.
    """

    def __init__(
        self,
        report: Callable[[Event], None],
        automatic: bool = False,
        admins: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._report = report
        self._admins = admins
        self._automatic = automatic
        self._cache = Cache()
        self.journal = Journal()
        self.loads = LoadReports()
        self._releases = MeshReleases(self._cache.status, time.time)
        self._progress = Progress(self._cache.status, report)
        self._published = Published(self._cache.status)
        self.group_of = NodeGroups(lambda node, why: report(TurnedAway(node, why)))
        self._server = XdsServer(self._cache, self.group_of, self._heard)
        self._metrics: Metrics | None = None
        self._starting: asyncio.Future[int] | None = None
        self.refused: dict[str, Refused] = {}  # by node, since the last change of the files
        self.rolled_back: RolledBack | None = None  # what is served is older than the files

    async def start(self, port: int, address: str = HOST, **serving: Any) -> int:
        """Listen on ``port``, of the loopback interface unless said otherwise; the port.

        ``serving`` are further arguments of ``XdsServer.start``. The port serves the status and
        load services too, and our own commands.
        """
        own = (
            Csds(self._server).handler(),
            Lrs(self.loads).handler(),
            commands.handler(Answers(self, self._admins).table()),
        )
        serving["handlers"] = (*own, *serving.get("handlers", ()))
        self._starting = asyncio.ensure_future(self._server.start(address, port, **serving))
        return await asyncio.shield(self._starting)

    async def stop(self) -> None:
        """End all streams; also where :meth:`start` was cancelled, which gRPC takes badly."""
        if self._starting is not None:
            await asyncio.wait([self._starting])
        await self._server.stop()

    def serve(
        self, snapshots: Mapping[str, Snapshot], kinds: Mapping[str, ServedKind] = NO_KINDS
    ) -> int:
        """Serve each node its snapshot from now on; how many got something new.

        ``kinds`` say whom a node's snapshot is made for: what was said last counts, and else it is
        an Envoy.
        """
        self.group_of.know(snapshots, kinds)
        if kinds:
            self.group_of.check(client.node for client in self._server.clients())
        self.refused.clear()
        self.rolled_back = None
        published = {n: self._published.over(n, each) for n, each in snapshots.items()}
        self._releases.add(published)
        return self._serve(published)

    def _serve(self, snapshots: Mapping[str, Snapshot], withdraw: bool = False) -> int:
        changed = {
            node: snapshot
            for node, snapshot in snapshots.items()
            if not _same(self.snapshot(node), snapshot)
        }
        waited_for = {*changed, *self._progress.waiting()}
        self._progress.begin(changed, snapshots, self._absent(waited_for))
        for node, snapshot in changed.items():
            self._cache.set(self.group_of.name(node), snapshot, withdraw)
        for node in self._progress.waiting():
            if self.kind(node) == "grpc":
                self._progress.look(node)  # nothing comes of what it did not ask for
        self._progress.look(None)
        return len(changed)

    def _absent(self, nodes: Iterable[str]) -> set[str]:
        """Those not to be waited for: gRPC clients come when they call somebody, if ever."""
        asking = {node for node in nodes if self.kind(node) == "grpc"}
        if not asking:
            return asking
        return asking - {c.node.id for c in self._server.clients() if fits("grpc", c.node)}

    def revise(self, change: Callable[[Snapshot], Snapshot]) -> None:
        """Serve each node what ``change`` makes of its snapshot; nobody is told of it.

        What was refused stays so, and who has not accepted all yet is waited for as before.
        """
        self._revise(change, self.group_of.nodes())

    def _revise(self, change: Callable[[Snapshot], Snapshot], nodes: Collection[str]) -> None:
        self._releases.revise(change, nodes)
        self._progress.revise(change, nodes)
        for node in nodes:
            self._cache.revise(self.group_of.name(node), change)

    # What changes while the files do not.

    def publish(self, node: str, resource: Resource) -> None:
        """Serve ``node`` this in place of its own resource of that name, whatever its files say.

        Meant for filter configs (ECDS), which change without touching a listener or a connection.
        Nobody is told of it; ``standing`` says what the node makes of it.
        """
        self._published.put(node, resource)
        self._revise(lambda snapshot: self._published.over(node, snapshot), (node,))

    def withdraw(self, node: str, own: Resource) -> None:
        """Serve ``node`` its ``own`` resource again, in place of what was published for it."""
        self._published.drop(node, own)
        self._revise(lambda snapshot: snapshot.replacing([own]), (node,))

    def standing(self, node: str, kind: ResourceType) -> str:
        """Why ``node`` does not go by its resources of this kind; "" when it does."""
        return self._published.standing(node, kind, self.snapshot(node))

    def changed(self) -> asyncio.Event:
        """Set when some ``standing`` may have changed; to be asked for before it."""
        return self._published.changed()

    # The way back.

    @property
    def releases(self) -> tuple[MeshRelease, ...]:
        """What was served to the mesh, oldest first; the last one is served now."""
        return self._releases.all()

    def rollback(self, nodes: Collection[str] = (), why: str = "") -> RolledBack:
        """Return to the last config that every connected node had accepted.

        The mesh's, or only that of these ``nodes``. ``why`` is the refusal that asked for it.
        Raises ``NoRelease`` where there is nothing to return to, and where what it was for is gone.
        """
        old = self._releases.current
        if nodes:
            back = {node: self._good(node) for node in nodes}
            release = self._releases.add({**(old.content if old else {}), **back})
        else:
            release = self._releases.back()
        told = RolledBack(release.id, old.id if old else "", tuple(nodes), why)
        self.rolled_back = told
        self._report(told)
        self._serve(release.content, withdraw=True)
        return told

    def _good(self, node: str) -> Snapshot:
        """What one node, by itself, is to go back to. Raises ``NoRelease``."""
        return self._cache.way_back(self.group_of.name(node)).content

    def _automatically(self, refused: MeshRelease | None, why: str) -> None:
        if self._releases.current is not refused:
            return  # the files have changed since
        try:
            self.rollback(why=why)
        except NoRelease as error:
            self._report(NotRolledBack(str(error)))

    async def in_effect(self) -> None:
        """Wait until every node has accepted all of its snapshot, or refused some of it."""
        await self._progress.settled()

    def metrics(self) -> Metrics:
        """Counts from now on; to be asked for before the first client comes."""
        from xds_server.serving.metrics import Metrics

        self._metrics = Metrics(self._cache, self.group_of)
        return self._metrics

    @property
    def server(self) -> XdsServer:
        return self._server

    @property
    def cache(self) -> Cache:
        return self._cache

    @property
    def status(self) -> Status:
        return self._cache.status

    @property
    def behind(self) -> bool:
        """Whether something else is in effect than what was served last of the files."""
        return bool(self.refused or self.rolled_back)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The nodes that are to answer what they were sent last."""
        return self._progress.waiting()

    def snapshot(self, node: str) -> Snapshot | None:
        return self._cache.get(self.group_of.name(node))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Those that something is served to, connected or not."""
        return tuple(self._releases.current.content) if self._releases.current else ()

    def releases_of(self, node: str) -> tuple[Release[Snapshot], ...]:
        """What was served to one node, oldest first; the last one is served now."""
        return self._cache.releases(self.group_of.name(node))

    def release_at(
        self, node: str, moment: float
    ) -> tuple[Release[Snapshot], float, float | None] | None:
        """What a node was served at a time, from when and until when; None: not remembered."""
        return self._cache.release_at(self.group_of.name(node), moment)

    def kind(self, node: str) -> ServedKind:
        """For which kind of client a node's snapshot is made."""
        return self.group_of.kind(node)

    def _heard(self, event: xds.Event) -> None:
        self.journal.record(event)
        if isinstance(event, xds.StreamClosed) and event.status == NoGroup.STATUS:
            self.group_of.turn_away(event.node.id, event.reason)
        if self._metrics:
            self._metrics.record(event)
        refused_now = self._releases.heard(event)
        self._published.heard(event)
        if isinstance(event, xds.Nacked):
            self._nacked(event.record, refused_now)
        elif isinstance(event, xds.Acked | xds.Current):
            self._progress.look(event.node.id)

    def _nacked(self, record: xds.NackRecord, of_now: bool) -> None:
        node = record.node.id
        refused = Refused(node, str(record), record.place)
        self.refused[node] = refused
        self._report(refused)
        if of_now:  # else it was on its way when something else took its place
            if self._automatic and not self._progress.refusing:
                loop, current = asyncio.get_running_loop(), self._releases.current
                loop.call_soon(self._automatically, current, str(record))
            self._progress.refused(node)
        self._progress.look(None)


def _same(old: Snapshot | None, new: Snapshot) -> bool:
    return old is not None and all(old.version(each) == new.version(each) for each in ResourceType)
