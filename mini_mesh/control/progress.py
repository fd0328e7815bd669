"""How far a change has come: which nodes have accepted it, which refused, which are to answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping

from mini_mesh.events import Applied, Event, InEffect
from xds_server.clients.status import Status
from xds_server.snapshot import Snapshot


class Progress:
    """Of the last change. ``report`` hears of each node that is through, and when all are."""

    def __init__(self, status: Status, report: Callable[[Event], None]) -> None:
        self._status, self._report = status, report
        self._waiting: dict[str, Snapshot] = {}  # nodes that have not applied theirs yet
        self._changed_at = 0.0
        self._changed = 0
        self._quiet = asyncio.Event()
        self.refusing: set[str] = set()  # nodes that refused some of it

    def waiting(self) -> tuple[str, ...]:
        """The nodes that are to answer still."""
        return tuple(self._waiting)

    def begin(
        self, changed: Mapping[str, Snapshot], served: Collection[str], absent: Collection[str]
    ) -> None:
        """``changed`` goes out now, to some of the nodes that are ``served``.

        Of those who had not answered yet, whoever is not served any more is forgotten. The
        ``absent`` are not waited for.
        """
        self._changed_at, self._changed = time.perf_counter(), len(changed)
        both = {**self._waiting, **changed}
        self._waiting = {n: it for n, it in both.items() if n in served and n not in absent}
        self.refusing.clear()
        self._quiet.clear()

    def revise(self, change: Callable[[Snapshot], Snapshot], nodes: Collection[str]) -> None:
        """What is waited for of these ``nodes`` becomes what ``change`` makes of it."""
        for node in self._waiting.keys() & set(nodes):
            self._waiting[node] = change(self._waiting[node])

    def refused(self, node: str) -> None:
        self.refusing.add(node)
        self._waiting.pop(node, None)

    def look(self, node: str | None) -> None:
        """Whether ``node`` is through with its snapshot, and whether it was the last."""
        snapshot = self._waiting.get(node) if node else None
        spent = (time.perf_counter() - self._changed_at) * 1000
        if node and snapshot and self._status.applied(node, snapshot):
            del self._waiting[node]
            self._report(Applied(node, spent))
        if not self._waiting and not self._quiet.is_set():
            self._quiet.set()
            self._report(InEffect(self._changed, spent, len(self.refusing)))

    async def settled(self) -> None:
        """Wait until every node has accepted all of its snapshot, or refused some of it."""
        await self._quiet.wait()
