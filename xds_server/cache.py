"""The cache: which snapshot each group of nodes is served, and who waits for the next one.

No I/O and no locks: it belongs to the event loop that its server runs on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from xds_server.snapshot import Snapshot

Watcher = Callable[[Snapshot], None]
Cancel = Callable[[], None]


class Cache:
    """Snapshots by group; a watcher is told of each new one of its group.

    ``clock`` gives the time at which a snapshot was set, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._set_at: dict[str, float] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._watchers: dict[str, dict[int, Watcher]] = {}
        self._next = 0

    def set(self, group: str, snapshot: Snapshot) -> None:
        """Serves ``snapshot`` to the group from now on and tells its watchers at once."""
        self._snapshots[group] = snapshot
        self._set_at[group] = self._clock()
        for watcher in tuple(self._watchers.get(group, {}).values()):
            watcher(snapshot)

    def get(self, group: str) -> Snapshot | None:
        return self._snapshots.get(group)

    def set_at(self, group: str) -> float | None:
        """When the group's snapshot was set; ``None`` where there is none."""
        return self._set_at.get(group)

    def groups(self) -> tuple[str, ...]:
        """All groups that have a snapshot, sorted."""
        return tuple(sorted(self._snapshots))

    def watch(self, group: str, watcher: Watcher) -> Cancel:
        """Calls ``watcher`` for each snapshot set from now on, until the result is called."""
        key, self._next = self._next, self._next + 1
        watchers = self._watchers.setdefault(group, {})
        watchers[key] = watcher

        def cancel() -> None:
            watchers.pop(key, None)
            if not watchers and self._watchers.get(group) is watchers:
                del self._watchers[group]

        return cancel
