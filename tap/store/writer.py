"""The writer of a store (a door to SQLite): batches in, and a word about what is kept.

``add`` never raises and never waits longer than ``schema.BUSY`` for a lock: a capture must go on
when a disk is full. What can't be written waits, up to a limit, and is tried again; what had to be
given up is counted. Not for several threads at once.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from mesh_traffic import Exchange
from tap.store.bodies import Bodies
from tap.store.limits import Limits, ends, trim
from tap.store.rows import exchange_row, pack, place_of, to_column
from tap.store.schema import StoreError, errors_of, in_words, open_to_write

BATCH = 500  # exchanges in one commit
BATCH_BYTES = 8 << 20  # of bodies, at which a commit does not wait for more exchanges
COMMIT_EVERY = 0.5  # seconds that one waits for others at most, if somebody calls tick()
RETRY_EVERY = 1.0  # seconds after a commit that failed
MAX_WAITING = 5_000  # exchanges that wait for a disk that does not take them
MAX_WAITING_BYTES = 64 << 20  # and their bodies
MAX_PLACES = 10_000  # places whose ids are remembered


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of the exchanges that were added since the store was opened.

    ``stored`` of them are durable: readers find them, now and after a ``kill -9``, until a limit
    removes them. ``waiting`` are not written yet, ``not_stored`` were given up. ``removed`` went
    for a limit. ``trouble`` says why the last commit failed, "" when it did not.
    """

    stored: int = 0
    waiting: int = 0
    not_stored: int = 0
    removed: int = 0
    trouble: str = ""


class Store:
    """Give it redacted exchanges only: what is added here is on disk."""

    def __init__(
        self,
        path: Path,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises StoreError: the file is no store, of another version, or written by another."""
        self.path = path
        self._limits = limits or Limits()
        self._clock = clock
        self._waiting: deque[Exchange] = deque()
        self._bytes = 0
        self._stored = self._not_stored = self._removed = self._told_not_stored = 0
        self._trouble = ""
        self._not_before = self._since = 0.0
        self._places: dict[tuple[str, ...], int] = {}
        self._lock: IO[bytes] | None = None
        self._connection = open_to_write(path)
        try:
            self._lock = _lock(path)
            with errors_of(path):
                self._bodies = Bodies(self._connection)
                self._next = ends(self._connection)[1] + 1
                if self._next == 1:  # numbers begin anew, so no body may have an old one
                    self._bodies.clear()
        except BaseException:
            self._connection.close()
            raise

    def add(self, exchanges: Iterable[Exchange]) -> None:
        """Take ``exchanges``, and write them as soon as there are enough. Never raises."""
        if not self._waiting:
            self._since = self._clock()
        for exchange in exchanges:
            self._waiting.append(exchange)
            self._bytes += _size(exchange)
        if self._full_batch():
            self.tick()
        while len(self._waiting) > MAX_WAITING or self._bytes > MAX_WAITING_BYTES:
            self._drop()

    def give_up(self, count: int) -> None:
        """So many were lost before they came here; readers are told."""
        self._not_stored += count

    def tick(self) -> None:
        """Write what is due. To be called now and then, so that nothing waits for company."""
        now = self._clock()
        due = self._full_batch() or now >= self._since + COMMIT_EVERY
        if due and now >= self._not_before:
            self._write(now)

    def flush(self) -> Kept:
        """Write what waits, now; what is durable after that."""
        self._write(self._clock())
        return self.kept()

    def kept(self) -> Kept:
        return Kept(
            self._stored, len(self._waiting), self._not_stored, self._removed, self._trouble
        )

    def close(self) -> Kept:
        """Flush and close; what could not be written is lost now, and counted."""
        kept = self.flush()
        self._connection.close()
        if self._lock is not None:
            self._lock.close()
        return Kept(kept.stored, 0, kept.not_stored + kept.waiting, kept.removed, kept.trouble)

    def _write(self, now: float) -> None:
        while self._waiting or self._not_stored > self._told_not_stored:
            batch = list(islice(self._waiting, BATCH))
            if not self._commit(batch, now):
                return
        self._since = now

    def _commit(self, batch: Sequence[Exchange], now: float) -> bool:
        """Whether ``batch`` is out of the queue: durable, or never to be."""
        try:
            removed = self._transact(batch, now)
        except (sqlite3.DataError, ValueError, OverflowError) as error:
            if len(batch) > 1:
                return all(self._commit([one], now) for one in batch)
            self._trouble = f"an exchange can't be stored: {error}"
            self._drop()
            return True
        except sqlite3.Error as error:
            self._trouble = f"{self.path}: {in_words(error)}"
            self._not_before = now + RETRY_EVERY
            return False
        self._trouble = ""
        self._next += len(batch)
        self._stored += len(batch)
        self._removed += removed
        for _ in batch:
            self._waiting.popleft()
        self._bytes -= sum(map(_size, batch))
        return True

    def _transact(self, batch: Sequence[Exchange], now: float) -> int:
        """One transaction; the number of old exchanges that went with it."""
        run = self._connection.execute
        try:
            run("BEGIN IMMEDIATE")
            self._insert(batch)
            removed = trim(self._connection, self._limits, now)
            self._bodies.settle(ends(self._connection)[0])
            self._count(removed)
            run("COMMIT")
        except BaseException:
            self._places.clear()
            if self._connection.in_transaction:
                run("ROLLBACK")
            self._bodies.forget()
            raise
        self._told_not_stored = self._not_stored
        return removed

    def _insert(self, batch: Sequence[Exchange]) -> None:
        ids = self._bodies.insert(batch, self._next)
        exchanges, details = [], []
        for at, exchange in enumerate(batch):
            seq = self._next + at
            exchanges.append(exchange_row(exchange, seq, self._place(exchange)))
            details.append((seq, pack(exchange), ids[2 * at], ids[2 * at + 1]))
        run = self._connection.executemany
        run("INSERT INTO exchanges VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", exchanges)
        run("INSERT INTO details VALUES (?, ?, ?, ?)", details)

    def _place(self, exchange: Exchange) -> int:
        place = place_of(exchange)
        known = self._places.get(place)
        if known is not None:
            return known
        if len(self._places) >= MAX_PLACES:
            self._places.clear()
        columns = [to_column(text) for text in place]
        run = self._connection.execute
        run("INSERT INTO places VALUES (NULL,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", columns)
        found = run(
            "SELECT id FROM places WHERE (node, direction, source, source_version, service,"
            " version, route, cluster) = (?, ?, ?, ?, ?, ?, ?, ?)",
            columns,
        ).fetchone()
        self._places[place] = found[0]
        return int(found[0])

    def _count(self, removed: int) -> None:
        lost = self._not_stored - self._told_not_stored
        for name, value in (("removed", removed), ("not_stored", lost)):
            if value:
                self._connection.execute(
                    "UPDATE counts SET value = value + ? WHERE name = ?", (value, name)
                )

    def _full_batch(self) -> bool:
        return len(self._waiting) >= BATCH or self._bytes >= BATCH_BYTES

    def _drop(self) -> None:
        self._bytes -= _size(self._waiting.popleft())
        self._not_stored += 1


def _size(exchange: Exchange) -> int:
    response = exchange.response
    return len(exchange.request.body.data) + (len(response.body.data) if response else 0)


def _lock(path: Path) -> IO[bytes]:
    """Held as long as the process lives. Raises StoreError when another one holds it."""

    def private(name: str, how: int) -> int:
        return os.open(name, how, 0o600)

    file = open(f"{path}-lock", "wb", opener=private)  # noqa: SIM115 - it is held open
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StoreError(f"{path}: another process is writing here") from error
    return file
