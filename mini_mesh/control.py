"""The mesh's control plane: snapshots out, and what each Envoy made of them.

Wires ``xds_server`` to the mesh's events. Imported only once the processes are on their way: it
brings Envoy's messages with it, a quarter of a second that the Envoys use for starting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mesh_patterns.placement import HOST
from mini_mesh.events import Applied, Event, InEffect, Refused, TurnedAway
from xds_server import events as xds
from xds_server.cache import Cache
from xds_server.groups import Groups, NoGroup, Rule, ServedKind, fits, misfit
from xds_server.node import NodeInfo
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
    """Serves each node its snapshot, and tells ``report`` when it is in effect or refused."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        self._report = report
        self._cache = Cache()
        self._server = XdsServer(self._cache, self.group_of, self._heard)
        self._kinds: dict[str, ServedKind] = {}
        self._turned: dict[str, str] = {}  # nodes of the wrong kind, and what they were told
        self._metrics: Metrics | None = None
        self._starting: asyncio.Future[int] | None = None
        self._waiting: dict[str, Snapshot] = {}  # nodes that have not applied theirs yet
        self._changed_at = 0.0
        self._changed = 0
        self._quiet = asyncio.Event()
        self.refused: dict[str, Refused] = {}  # by node, since the last change

    async def start(self, port: int, address: str = HOST, **serving: Any) -> int:
        """Listen on ``port``, of the loopback interface unless said otherwise; the port.

        ``serving`` are further arguments of ``XdsServer.start``.
        """
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
        self._kinds.update({node: self._kind(node) for node in snapshots})
        if kinds:
            self._kinds.update(kinds)
            self._find_misfits()
        changed = {
            node: snapshot
            for node, snapshot in snapshots.items()
            if not _same(self.snapshot(node), snapshot)
        }
        self._changed_at, self._changed = time.perf_counter(), len(changed)
        self._waiting = {
            node: snapshot
            for node, snapshot in {**self._waiting, **changed}.items()
            if node in snapshots
        }
        self.refused.clear()
        self._quiet.clear()
        for node, snapshot in changed.items():
            self._cache.set(_group(node, self._kinds[node]), snapshot)
        self._look(None)
        return len(changed)

    def revise(self, change: Callable[[Snapshot], Snapshot]) -> None:
        """Serve each node what ``change`` makes of its snapshot; nobody is told of it.

        What was refused stays so, and who has not accepted all yet is waited for as before.
        """
        for node in self._kinds:
            snapshot = self.snapshot(node)
            if snapshot is not None:
                revised = change(snapshot)
                if node in self._waiting:
                    self._waiting[node] = revised
                self._cache.set(_group(node, self._kind(node)), revised)

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

    def snapshot(self, node: str) -> Snapshot | None:
        return self._cache.get(_group(node, self._kind(node)))

    def _kind(self, node: str) -> ServedKind:
        return self._kinds.get(node, "envoy")

    def _heard(self, event: xds.Event) -> None:
        if isinstance(event, xds.StreamClosed) and event.status == NoGroup.STATUS:
            self._turn_away(event.node.id, event.reason)
        if self._metrics:
            self._metrics.record(event)
        if isinstance(event, xds.Nacked):
            record = event.record
            refused = Refused(record.node.id, str(record), record.place)
            self.refused[record.node.id] = refused
            self._report(refused)
            self._waiting.pop(record.node.id, None)
            self._look(None)
        elif isinstance(event, xds.Acked | xds.Current):
            self._look(event.node.id)

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
            self._report(InEffect(self._changed, spent, len(self.refused)))


def _group(node: str, kind: ServedKind) -> str:
    return f"{kind}/{node}"


def _same(old: Snapshot | None, new: Snapshot) -> bool:
    return old is not None and {(r.type, r.name, r.version) for r in old} == {
        (r.type, r.name, r.version) for r in new
    }
