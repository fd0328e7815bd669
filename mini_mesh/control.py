"""The mesh's control plane: snapshots out, and what each Envoy made of them.

Wires ``xds_server`` to the mesh's events. Imported only once the processes are on their way: it
brings Envoy's messages with it, a quarter of a second that the Envoys use for starting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mesh_patterns.placement import HOST
from mini_mesh import commands
from mini_mesh.answers import Answers
from mini_mesh.events import (
    Applied,
    Event,
    InEffect,
    NotRolledBack,
    Refused,
    RolledBack,
    TurnedAway,
)
from mini_mesh.rollback import MeshRelease, MeshReleases
from xds_server import events as xds
from xds_server.cache import Cache
from xds_server.csds import Csds
from xds_server.groups import Groups, NoGroup, Rule, ServedKind, fits, misfit
from xds_server.journal import Journal
from xds_server.load_reports import LoadReports
from xds_server.lrs import Lrs
from xds_server.node import NodeInfo
from xds_server.releases import NoRelease, Release
from xds_server.server import XdsServer
from xds_server.snapshot import Snapshot
from xds_server.status import Status

if TYPE_CHECKING:
    from xds_server.metrics import Metrics

# Each node is a group of its own. What it is by its user agent is part of the group's name, so an
# Envoy is never served what was made for a gRPC client.
GROUPS = Groups(Rule("envoy/{id}"), Rule("grpc/{id}", kind="grpc"))
NO_KINDS: Mapping[str, ServedKind] = MappingProxyType({})


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
        self._server = XdsServer(self._cache, self.group_of, self._heard)
        self._kinds: dict[str, ServedKind] = {}
        self._turned: dict[str, str] = {}  # nodes of the wrong kind, and what they were told
        self._metrics: Metrics | None = None
        self._starting: asyncio.Future[int] | None = None
        self._waiting: dict[str, Snapshot] = {}  # nodes that have not applied theirs yet
        self._changed_at = 0.0
        self._changed = 0
        self._quiet = asyncio.Event()
        self._refusing: set[str] = set()  # nodes that refused some of what is served now
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

    def group_of(self, node: NodeInfo) -> str:
        """The group of a node. Raises ``NoGroup`` for one that is not of its snapshot's kind."""
        kind = self._kinds.get(node.id)
        if kind is None:
            return GROUPS(node)
        if not fits(kind, node):
            raise misfit(node, node.id, kind)
        return _group(node.id, kind)

    def serve(
        self, snapshots: Mapping[str, Snapshot], kinds: Mapping[str, ServedKind] = NO_KINDS
    ) -> int:
        """Serve each node its snapshot from now on; how many got something new.

        ``kinds`` say whom a node's snapshot is made for: what was said last counts, and else it is
        an Envoy.
        """
        self._kinds.update({node: self.kind(node) for node in snapshots})
        if kinds:
            self._kinds.update(kinds)
            self._find_misfits()
        self.refused.clear()
        self.rolled_back = None
        self._releases.add(snapshots)
        return self._serve(snapshots)

    def _serve(self, snapshots: Mapping[str, Snapshot], withdraw: bool = False) -> int:
        changed = {
            node: snapshot
            for node, snapshot in snapshots.items()
            if not _same(self.snapshot(node), snapshot)
        }
        absent = self._absent({**self._waiting, **changed})
        self._changed_at, self._changed = time.perf_counter(), len(changed)
        self._waiting = {
            node: snapshot
            for node, snapshot in {**self._waiting, **changed}.items()
            if node in snapshots and node not in absent
        }
        self._refusing.clear()
        self._quiet.clear()
        for node, snapshot in changed.items():
            self._cache.set(_group(node, self._kinds[node]), snapshot, withdraw)
        for node in tuple(self._waiting):
            if self.kind(node) == "grpc":
                self._look(node)  # nothing comes of what it did not ask for
        self._look(None)
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
        self._releases.revise(change)
        self._waiting = {node: change(snapshot) for node, snapshot in self._waiting.items()}
        for node in self._kinds:
            self._cache.revise(_group(node, self.kind(node)), change)

    # The way back.

    @property
    def releases(self) -> tuple[MeshRelease, ...]:
        """What was served to the mesh, oldest first; the last one is served now."""
        return self._releases.all()

    def rollback(self, nodes: Collection[str] = (), why: str = "") -> RolledBack:
        """Return to the last config that every connected node had accepted.

        The mesh's, or only that of these ``nodes``. ``why`` is the refusal that asked for it. Not
        to be called while an event is told. Raises ``NoRelease`` where there is nothing to return
        to, and where what it was for is gone.
        """
        old = self._releases.current
        if nodes:
            back = {each: self._back(each) for each in nodes}
            release = self._releases.add({**(old.content if old else {}), **back})
        else:
            release = self._releases.back()
        told = RolledBack(release.id, old.id if old else "", tuple(nodes), why)
        self.rolled_back = told
        self._report(told)
        self._serve(release.content, withdraw=True)
        return told

    def _back(self, node: str) -> Snapshot:
        release = self._cache.rollback(_group(node, self.kind(node)))
        return release.content

    def _automatically(self, refused: MeshRelease | None, why: str) -> None:
        if self._releases.current is not refused:
            return  # the files have changed since
        try:
            self.rollback(why=why)
        except NoRelease as error:
            self._report(NotRolledBack(str(error)))

    async def in_effect(self) -> None:
        """Wait until every node has accepted all of its snapshot, or refused some of it."""
        await self._quiet.wait()

    def metrics(self) -> Metrics:
        """Counts from now on; to be asked for before the first client comes."""
        from xds_server.metrics import Metrics

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

    def snapshot(self, node: str) -> Snapshot | None:
        return self._cache.get(_group(node, self.kind(node)))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Those that something is served to, connected or not."""
        return tuple(self._releases.current.content) if self._releases.current else ()

    def releases_of(self, node: str) -> tuple[Release[Snapshot], ...]:
        """What was served to one node, oldest first; the last one is served now."""
        return self._cache.releases(_group(node, self.kind(node)))

    def kind(self, node: str) -> ServedKind:
        """For which kind of client a node's snapshot is made."""
        return self._kinds.get(node, "envoy")

    def _heard(self, event: xds.Event) -> None:
        self.journal.record(event)
        if isinstance(event, xds.StreamClosed) and event.status == NoGroup.STATUS:
            self._turn_away(event.node.id, event.reason)
        if self._metrics:
            self._metrics.record(event)
        refused_now = self._releases.heard(event)
        if isinstance(event, xds.Nacked):
            self._nacked(event.record, refused_now)
        elif isinstance(event, xds.Acked | xds.Current):
            self._look(event.node.id)

    def _nacked(self, record: xds.NackRecord, of_now: bool) -> None:
        node = record.node.id
        refused = Refused(node, str(record), record.place)
        self.refused[node] = refused
        self._report(refused)
        if of_now:  # else it was on its way when something else took its place
            if self._automatic and not self._refusing:
                loop, current = asyncio.get_running_loop(), self._releases.current
                loop.call_soon(self._automatically, current, str(record))
            self._refusing.add(node)
            self._waiting.pop(node, None)
        self._look(None)

    def _find_misfits(self) -> None:
        """Report those that came before it was known for whom their node's snapshot is made."""
        for node in {client.node for client in self._server.clients()}:
            try:
                self.group_of(node)
            except NoGroup as wrong:
                self._turn_away(node.id, str(wrong))

    def _turn_away(self, node: str, why: str) -> None:
        """Report a client of the wrong kind once: it comes again and again."""
        if self._turned.get(node) != why:
            self._turned[node] = why
            self._report(TurnedAway(node, why))

    def _look(self, node: str | None) -> None:
        """Whether ``node`` is through with its snapshot, and whether it was the last."""
        snapshot = self._waiting.get(node) if node else None
        spent = (time.perf_counter() - self._changed_at) * 1000
        if node and snapshot and self._cache.status.applied(node, snapshot):
            del self._waiting[node]
            self._report(Applied(node, spent))
        if not self._waiting and not self._quiet.is_set():
            self._quiet.set()
            self._report(InEffect(self._changed, spent, len(self._refusing)))


def _group(node: str, kind: ServedKind) -> str:
    return f"{kind}/{node}"


def _same(old: Snapshot | None, new: Snapshot) -> bool:
    return old is not None and {(r.type, r.name, r.version) for r in old} == {
        (r.type, r.name, r.version) for r in new
    }
