"""The cache: which snapshot each group of nodes is served, and who waits for the next one.

No I/O and no locks: it belongs to the event loop that its server runs on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from xds_server.groups import misfit
from xds_server.node import Kind, NodeInfo
from xds_server.snapshot import Snapshot

Watcher = Callable[[Snapshot], None]
Cancel = Callable[[], None]


@dataclass(slots=True)
class _Group:
    snapshot: Snapshot | None = None
    set_at: float | None = None
    watchers: dict[int, Watcher] = field(default_factory=dict)
    kinds: Counter[Kind] = field(default_factory=Counter)  # of the nodes that are connected


class Cache:
    """Snapshots by group; a watcher is told of each new one of its group.

    ``clock`` gives the time at which a snapshot was set, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._groups: dict[str, _Group] = {}
        self._next = 0

    def set(self, group: str, snapshot: Snapshot) -> None:
        """Serves ``snapshot`` to the group from now on and tells its watchers at once."""
        held = self._groups.setdefault(group, _Group())
        held.snapshot, held.set_at = snapshot, self._clock()
        for watcher in tuple(held.watchers.values()):
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
        return tuple(
            sorted(name for name, held in self._groups.items() if held.snapshot is not None)
        )

    def watch(self, group: str, watcher: Watcher, node: NodeInfo | None = None) -> Cancel:
        """Calls ``watcher`` for each snapshot set from now on, until the result is called.

        Raises ``NoGroup`` for a ``node`` that is a gRPC client where Envoys are connected, or the
        other way round: they take different config, so one of them is in the wrong group.
        """
        held = self._groups.setdefault(group, _Group())
        if node is not None:
            _check(group, held, node)
            held.kinds[node.kind] += 1
        key, self._next = self._next, self._next + 1
        held.watchers[key] = watcher

        def cancel() -> None:
            if held.watchers.pop(key, None) is None:
                return
            if node is not None:
                held.kinds[node.kind] -= 1
            if not held.watchers and held.snapshot is None:
                self._groups.pop(group, None)

        return cancel


def _check(group: str, held: _Group, node: NodeInfo) -> None:
    others: dict[Kind, Kind] = {"envoy": "grpc", "grpc": "envoy"}
    other = others.get(node.kind)
    if other and held.kinds[other]:
        raise misfit(node, group, other)
