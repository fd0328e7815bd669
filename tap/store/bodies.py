"""Bodies under their hashes (a door to SQLite): equal ones once, at a price that does not grow.

Hashes come in no order, so in one large index each would touch a page of its own, and each commit
would write as many pages as it has bodies. So new ones go to ``fresh``, which is small, and from
time to time all of it into ``hashes``, in order. What a limit took away goes from there at the same
time: until then a hash may lead to no body.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from mesh_traffic import Exchange
from tap.store.rows import bodies_of, hash_of

FRESH = 20_000  # hashes that wait for being put in order
ASKED = 400  # hashes in one question


class Bodies:
    """The bodies of one store. All of it runs inside of the caller's transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._fresh = 0
        self.forget()

    def forget(self) -> None:
        """A transaction was rolled back."""
        found = self._connection.execute("SELECT count(*) FROM fresh").fetchone()
        self._fresh = int(found[0])

    def clear(self) -> None:
        """There is no exchange: no body is anybody's."""
        for table in ("bodies", "repeats", "fresh", "hashes"):
            self._connection.execute(f"DELETE FROM {table}")
        self._fresh = 0

    def insert(self, batch: Sequence[Exchange], first_seq: int) -> list[int | None]:
        """The id of each body of ``batch``, two an exchange, after those that are new are in."""
        first: dict[bytes, tuple[int, bytes]] = {}
        last: dict[bytes, int] = {}
        hashes: list[bytes | None] = []
        number = 2 * first_seq
        for exchange in batch:
            for data in bodies_of(exchange):
                digest = hash_of(data) if data else None
                hashes.append(digest)
                if digest in first:
                    last[digest] = number // 2
                elif digest is not None:
                    first[digest] = (number, data)
                number += 1
        ids = self._add(first, last) if first else {}
        return [None if digest is None else ids[digest] for digest in hashes]

    def _add(
        self, first: dict[bytes, tuple[int, bytes]], last: dict[bytes, int]
    ) -> dict[bytes, int]:
        ids = self._known(list(first))
        for digest in ids:
            last.setdefault(digest, first[digest][0] // 2)
        new = [(digest, *it) for digest, it in first.items() if digest not in ids]
        run = self._connection.executemany
        run("INSERT INTO bodies VALUES (?, ?)", [(number, data) for _, number, data in new])
        run("REPLACE INTO fresh VALUES (?, ?)", [(digest, number) for digest, number, _ in new])
        ids.update((digest, number) for digest, number, _ in new)
        self._fresh += len(new)
        if last:
            run(
                "INSERT INTO repeats VALUES (?, ?) ON CONFLICT DO UPDATE SET last = excluded.last",
                [(ids[digest], seq) for digest, seq in last.items()],
            )
        return ids

    def _known(self, hashes: list[bytes]) -> dict[bytes, int]:
        """The ids of those that are there: a hash whose body is gone does not count."""
        found: dict[bytes, int] = {}
        for at in range(0, len(hashes), ASKED):
            some = hashes[at : at + ASKED]
            marks = ",".join("?" * len(some))
            for table in ("hashes", "fresh"):  # where both have it, the fresh one has the body
                sql = f"SELECT hash, h.id FROM {table} h JOIN bodies USING (id)"
                found.update(self._connection.execute(f"{sql} WHERE hash IN ({marks})", some))
        return found

    def settle(self, oldest: int) -> None:
        """Put the fresh hashes in order when there are enough. ``oldest``: the first seq kept."""
        if self._fresh < FRESH:
            return
        run = self._connection.execute
        gone = "id < ? AND id NOT IN (SELECT id FROM repeats)"
        run(f"DELETE FROM hashes WHERE {gone}", (2 * oldest,))
        run(f"DELETE FROM fresh WHERE {gone}", (2 * oldest,))
        run("REPLACE INTO hashes SELECT hash, id FROM fresh ORDER BY hash")
        run("DELETE FROM fresh")
        self._fresh = 0
