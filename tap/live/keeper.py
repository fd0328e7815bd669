"""A store behind a thread (a door): the hub hands over and goes on, whatever the disk does.

A commit waits for the disk, and the hub's loop serves a control plane beside it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mesh_traffic import Exchange
from tap.store import Kept, Store

MAX_HANDED = 20_000  # exchanges that wait for the thread; beyond it new ones are not stored
PAUSE = 0.1  # seconds between looks at what is due


class Keeper:
    """Hand it exchanges by ``keep``. ``kept`` tells what became of them; ``say`` is told in words,
    in the thread of the store, when it can't be written, when it can again, and what is missing."""

    def __init__(
        self, open_store: Callable[[], Store], say: Callable[[str], None] = lambda text: None
    ) -> None:
        self._open = open_store
        self._say = say
        self._handed: deque[list[Exchange]] = deque()
        self._waiting = 0
        self._refused = 0  # by the one who hands over
        self._given_up = 0  # of these, what the store knows of
        self._wake = threading.Event()
        self._stop = False
        self._kept = Kept()

    @contextmanager
    def running(self) -> Iterator[Keeper]:
        """Store while inside; at the end all that was handed over is written.

        Raises StoreError if the store can't be opened.
        """
        opened: list[Exception | None] = []
        ready = threading.Event()
        thread = threading.Thread(target=self._run, args=(opened, ready), name="tap store")
        thread.start()
        ready.wait()
        if opened[0] is not None:
            thread.join()
            raise opened[0]
        try:
            yield self
        finally:
            self._stop = True
            self._wake.set()
            thread.join()

    def keep(self, exchanges: list[Exchange]) -> None:
        """Never waits. What there is no room for is counted as not stored."""
        if self._waiting + len(exchanges) > MAX_HANDED:
            self._refused += len(exchanges)
            return
        self._waiting += len(exchanges)
        self._handed.append(exchanges)
        self._wake.set()

    def kept(self) -> Kept:
        """As of the thread's last look; what was handed over since waits."""
        kept = self._kept
        return Kept(
            kept.stored,
            kept.waiting + self._waiting,
            kept.not_stored + self._refused - self._given_up,
            kept.removed,
            kept.trouble,
        )

    def _run(self, opened: list[Exception | None], ready: threading.Event) -> None:
        try:
            store = self._open()  # SQLite wants all of it in one thread
        except Exception as error:  # whoever waits for it raises it
            opened.append(error)
            ready.set()
            return
        opened.append(None)
        ready.set()
        while not self._stop:
            self._wake.wait(PAUSE if self._kept.waiting else None)
            self._wake.clear()
            self._take(store)
        self._take(store)
        self._kept = store.close()
        if missing := self._kept.not_stored:
            why = f": {self._kept.trouble}" if self._kept.trouble else ""
            self._say(f"{missing:,} exchanges could not be stored{why}")

    def _take(self, store: Store) -> None:
        while self._handed:
            exchanges = self._handed.popleft()
            store.add(exchanges)
            self._waiting -= len(exchanges)
        refused = self._refused
        store.give_up(refused - self._given_up)
        self._given_up = refused
        store.tick()
        self._note(store.kept())

    def _note(self, kept: Kept) -> None:
        before, self._kept = self._kept.trouble, kept
        if kept.trouble and not before:
            self._say(f"captures go on, and wait to be stored: {kept.trouble}")
        elif before and not kept.trouble:
            self._say("captures are stored again")
