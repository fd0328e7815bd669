"""A reader of a store (a door to SQLite): while it is written, and after the mesh has ended.

It holds no transaction between two steps, so that it keeps the writer's journal from growing; an
exchange that a limit removes meanwhile is not found any more.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mesh_traffic import Exchange
from tap.language.match import Match, read_match
from tap.store.limits import ends
from tap.store.rows import to_column, trace_column, unpack
from tap.store.schema import StoreError, errors_of, open_to_read
from tap.store.where import FUNCTIONS, where

STEP = 200  # exchanges that are read at once
ALL = read_match("")

_EXCHANGES = """
SELECT e.*, p.node, p.direction, p.source, p.source_version, p.service, p.version, p.route,
    p.cluster, d.rest, d.request_body, d.response_body
FROM exchanges e JOIN places p ON p.id = e.place JOIN details d USING (seq)
WHERE e.seq IN ({marks}) ORDER BY e.seq
"""
_COLUMNS, _PLACES = 13, 8


@dataclass(frozen=True, slots=True)
class Holds:
    """What a store has: how many, when the first and the last started, and what it has not."""

    exchanges: int
    first: float
    last: float
    removed: int
    not_stored: int


class Reader:
    """``with Reader(path) as reader``. Its methods raise StoreError for a damaged file."""

    def __init__(self, path: Path) -> None:
        """Raises StoreError: there is no store, or one of another version."""
        self.path = path
        self._connection = open_to_read(path)
        for name, (arguments, function) in FUNCTIONS.items():
            self._connection.create_function(name, arguments, function, deterministic=True)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def query(
        self,
        match: Match = ALL,
        *,
        since: float | None = None,
        until: float | None = None,
        limit: int | None = None,
        bodies: bool = True,
    ) -> Iterator[Exchange]:
        """The requests that match, as they came; the newest ``limit`` of them.

        ``since`` and ``until`` are epoch seconds, for when it started. Without ``bodies`` their
        bytes are left out. Memory: eight bytes an exchange that may match, whatever their number.
        """
        seqs = self._may_match(match, since, until)
        if limit is not None:
            newest = (seq for seq, _ in self._requests(match, reversed(seqs), match.bodies))
            seqs = array("q", islice(newest, limit))
            seqs.reverse()
        for _, exchange in self._requests(match, seqs, bodies or match.bodies):
            yield exchange

    def by_id(self, *ids: str) -> list[Exchange]:
        """The exchanges of these ids, in their order; one that is not there is left out."""
        return [exchange for one in ids for exchange in self._having("id", one, bodies=True)]

    def related(
        self, request_ids: Collection[str], trace_ids: Collection[str], near: float, most: int
    ) -> list[Exchange]:
        """Up to ``most`` exchanges and steps of these requests and traces, without their bodies:
        those that started nearest to ``near`` (epoch seconds), in the order in which they came."""
        traces = [column for one in trace_ids if (column := trace_column(one)) is not None]
        values: list[Any] = [*map(to_column, request_ids), *traces, near, most]
        sql = (
            f"SELECT seq FROM exchanges WHERE request_id IN ({_marks(request_ids)})"
            f" OR trace IN ({_marks(traces)}) ORDER BY abs(started - ?), seq LIMIT ?"
        )
        return self._of_seqs(sql, values)

    def around(self, since: float, until: float, most: int) -> list[Exchange]:
        """Up to ``most`` exchanges and steps that started then, the first ones, without bodies."""
        sql = (
            "SELECT seq FROM exchanges WHERE started BETWEEN ? AND ? ORDER BY started, seq LIMIT ?"
        )
        return self._of_seqs(sql, [since, until, most])

    def _of_seqs(self, sql: str, values: Sequence[Any]) -> list[Exchange]:
        seqs = sorted(seq for (seq,) in self._ask(sql, values))
        steps = (seqs[at : at + STEP] for at in range(0, len(seqs), STEP))
        return [exchange for step in steps for _, exchange in self._load(step, bodies=False)]

    def _having(self, column: str, value: str, bodies: bool) -> list[Exchange]:
        sql = f"SELECT seq FROM exchanges WHERE {column} = ? ORDER BY seq"
        seqs = [seq for (seq,) in self._ask(sql, [to_column(value)])]
        steps = (seqs[at : at + STEP] for at in range(0, len(seqs), STEP))
        return [exchange for step in steps for _, exchange in self._load(step, bodies)]

    def holds(self) -> Holds:
        with errors_of(self.path):
            first, last = ends(self._connection)
        counts = dict(self._ask("SELECT name, value FROM counts"))
        times = dict(
            self._ask("SELECT seq, started FROM exchanges WHERE seq IN (?, ?)", [first, last])
        )
        return Holds(
            exchanges=last - first + 1,
            first=times.get(first) or 0.0,
            last=times.get(last) or 0.0,
            removed=counts.get("removed", 0),
            not_stored=counts.get("not_stored", 0),
        )

    def _may_match(self, match: Match, since: float | None, until: float | None) -> array[int]:
        conditions: list[str] = []
        values: list[Any] = []
        if (implied := where(match.implied)) is not None:
            conditions.append(implied[0])
            values += implied[1]
        for bound, sql in ((since, "started >= ?"), (until, "started <= ?")):
            if bound is not None:
                conditions.append(sql)
                values.append(bound)
        chosen = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"SELECT seq FROM exchanges {chosen} ORDER BY seq"
        with errors_of(self.path):
            return array("q", (seq for (seq,) in self._connection.execute(sql, values)))

    def _requests(
        self, match: Match, seqs: Iterable[int], bodies: bool
    ) -> Iterator[tuple[int, Exchange]]:
        """Without steps, which are none by themselves."""
        return (one for one in self._matching(match, seqs, bodies) if not one[1].is_step)

    def _matching(
        self, match: Match, seqs: Iterable[int], bodies: bool
    ) -> Iterator[tuple[int, Exchange]]:
        """In the order of ``seqs``."""
        numbers = iter(seqs)
        while step := list(islice(numbers, STEP)):
            loaded = self._load(step, bodies)
            loaded = loaded if step[0] <= step[-1] else loaded[::-1]
            yield from (one for one in loaded if match(one[1]))

    def _load(self, seqs: Sequence[int], bodies: bool) -> list[tuple[int, Exchange]]:
        self._ask("BEGIN")  # no limit takes a body away from the exchange that was just read
        try:
            rows = self._ask(_EXCHANGES.format(marks=",".join("?" * len(seqs))), seqs)
            return [(row[0], self._exchange(row, bodies)) for row in rows]
        finally:
            self._ask("COMMIT")

    def _exchange(self, row: tuple[Any, ...], bodies: bool) -> Exchange:
        columns, place = row[:_COLUMNS], row[_COLUMNS : _COLUMNS + _PLACES]
        rest, *ids = row[_COLUMNS + _PLACES :]
        try:
            request, response = (self._body(one) if bodies else b"" for one in ids)
            return unpack(columns, place, rest, (request, response))
        except (ValueError, IndexError, TypeError, AttributeError) as error:
            raise StoreError(f"{self.path}: exchange {row[0]} is damaged: {error}") from error

    def _body(self, number: int | None) -> bytes:
        if number is None:
            return b""
        data: bytes = self._ask("SELECT data FROM bodies WHERE id = ?", [number])[0][0]
        return data

    def _ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with errors_of(self.path):
            return self._connection.execute(sql, values).fetchall()


def _marks(values: Collection[Any]) -> str:
    return ",".join("?" * len(values))
