"""How much a store keeps: the oldest exchanges go first, and the bodies that only they had."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

AT_ONCE = 200  # exchanges that go before the size is looked at again
MOST = 4_000  # that go with one commit, so that it stays short; the next one goes on


@dataclass(frozen=True, slots=True)
class Limits:
    """``None`` is no limit. The newest exchanges stay, whatever their size."""

    max_bytes: int | None = 1 << 30  # of the file; its journal beside it is up to 48 MiB
    max_age: float | None = 24 * 3600.0  # seconds since an exchange started
    max_exchanges: int | None = 1_000_000


def trim(connection: sqlite3.Connection, limits: Limits, now: float) -> int:
    """Remove what is beyond ``limits``, inside of the current transaction; how many went."""
    oldest, newest = ends(connection)
    if oldest > newest:
        return 0
    keep_from = min(_first_kept(connection, limits, oldest, newest, now), oldest + MOST)
    _remove(connection, oldest, keep_from)
    if limits.max_bytes is not None:
        most = min(newest, oldest + MOST)
        while keep_from < most and _used(connection) > limits.max_bytes:
            keep_from, before = min(keep_from + AT_ONCE, most), keep_from
            _remove(connection, before, keep_from)
    return int(keep_from - oldest)


def ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """The first and the last ``seq``; (1, 0) of an empty store.

    One after the other: asked for both at once, SQLite looks at every row.
    """
    first, last = connection.execute(
        "SELECT (SELECT min(seq) FROM exchanges), (SELECT max(seq) FROM exchanges)"
    ).fetchone()
    return (1, 0) if first is None else (first, last)


def _first_kept(
    connection: sqlite3.Connection, limits: Limits, oldest: int, newest: int, now: float
) -> int:
    first = oldest
    if limits.max_exchanges is not None:
        first = max(first, newest + 1 - limits.max_exchanges)
    if limits.max_age is not None:  # in the order in which they came, which is nearly that of time
        young = connection.execute(
            "SELECT seq FROM exchanges WHERE started >= ? ORDER BY seq LIMIT 1",
            (now - limits.max_age,),
        ).fetchone()
        first = max(first, young[0] if young else newest + 1)
    return first


def _used(connection: sqlite3.Connection) -> int:
    """The file's bytes without the pages that are free again."""
    numbers = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    ]
    return int((numbers[0] - numbers[1]) * numbers[2])


def _remove(connection: sqlite3.Connection, oldest: int, keep_from: int) -> None:
    if keep_from <= oldest:
        return
    for statement in (
        "DELETE FROM exchanges WHERE seq < :seq",
        "DELETE FROM details WHERE seq < :seq",
        "DELETE FROM repeats WHERE last < :seq",
        "DELETE FROM bodies WHERE id < 2 * :seq AND id NOT IN (SELECT id FROM repeats)",
    ):
        connection.execute(statement, {"seq": keep_from})
