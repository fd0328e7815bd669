"""The mesh's control plane: snapshots out, and what each Envoy made of them.

Wires ``xds_server`` to the mesh's events. Imported only once the processes are on their way: it
brings Envoy's messages with it, a quarter of a second that the Envoys use for starting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mesh_patterns.placement import HOST
from mini_mesh.events import Applied, Event, InEffect, Refused
from xds_server import events as xds
from xds_server.cache import Cache
from xds_server.server import XdsServer
from xds_server.snapshot import Snapshot
from xds_server.status import Status

if TYPE_CHECKING:
    from xds_server.metrics import Metrics


class ControlPlane:
    """Serves each node its snapshot, and tells ``report`` when it is in effect or refused."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        self._report = report
        self._cache = Cache()
        self._status = Status()
        self._server = XdsServer(self._cache, on_event=self._heard)
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

    def serve(self, snapshots: Mapping[str, Snapshot]) -> int:
        """Serve each node its snapshot from now on; how many got something new."""
        changed = {
            node: snapshot
            for node, snapshot in snapshots.items()
            if not _same(self._cache.get(node), snapshot)
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
            self._cache.set(node, snapshot)
        self._look(None)
        return len(changed)

    async def in_effect(self) -> None:
        """Wait until every node has accepted all of its snapshot, or refused some of it."""
        await self._quiet.wait()

    def metrics(self) -> Metrics:
        """Counts from now on; to be asked for before the first client comes."""
        from xds_server.metrics import Metrics

        self._metrics = Metrics(self._cache)
        return self._metrics

    @property
    def server(self) -> XdsServer:
        return self._server

    @property
    def cache(self) -> Cache:
        return self._cache

    @property
    def status(self) -> Status:
        return self._status

    def snapshot(self, node: str) -> Snapshot | None:
        return self._cache.get(node)

    def _heard(self, event: xds.Event) -> None:
        self._status.record(event)
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

    def _look(self, node: str | None) -> None:
        """Whether ``node`` is through with its snapshot, and whether it was the last."""
        snapshot = self._waiting.get(node) if node else None
        spent = (time.perf_counter() - self._changed_at) * 1000
        if node and snapshot and self._status.applied(node, snapshot):
            del self._waiting[node]
            self._report(Applied(node, spent))
        if not self._waiting and not self._quiet.is_set():
            self._quiet.set()
            self._report(InEffect(self._changed, spent, len(self.refused)))


def _same(old: Snapshot | None, new: Snapshot) -> bool:
    return old is not None and {(r.type, r.name, r.version) for r in old} == {
        (r.type, r.name, r.version) for r in new
    }
