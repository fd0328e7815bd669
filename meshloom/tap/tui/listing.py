"""The list: which of the remembered exchanges are shown, and in what order. No widget, no clock.

Rule 1: what comes is matched at once and put in its place, unless the list is held: then it waits.
Rule 2: a new filter looks at everything again, the newest first, in steps that its caller times.
Rule 3: what the memory forgets leaves the list, held or not.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mesh_traffic import Exchange
from meshloom.tap.tui.memory import Memory
from tap.language.match import compile_match
from tap.language.terms import Predicate
from tap.lines import route

Key = float | str
Row = tuple[Key, int]  # its place in the order, and its number in the memory


@dataclass(frozen=True, slots=True)
class Order:
    """``falling``: which way people want it first, the largest at the top."""

    key: Callable[[Exchange], Key]
    falling: bool = False


def _size(exchange: Exchange) -> int:
    """Bytes of the response's body, -1 where nobody knows."""
    size = exchange.response.body.size if exchange.response else None
    return -1 if size is None else size


ORDERS: Mapping[str, Order] = {  # a list that is ordered by time is followed at its end
    "time": Order(lambda exchange: exchange.started),
    "took": Order(
        lambda exchange: -1.0 if exchange.duration is None else exchange.duration, falling=True
    ),
    "status": Order(lambda exchange: exchange.status or 0, falling=True),
    "size": Order(_size, falling=True),
    "from → to": Order(route),
    "path": Order(lambda exchange: exchange.request.path),
}
BY_TIME = "time"


class Listing:
    """Rows of ``memory`` that match, from the top of the screen down: ``listing[0]`` is the top."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.order = BY_TIME
        self.falling = ORDERS[BY_TIME].falling
        self.held: int | None = None  # the number of the first one that waits
        self._key = ORDERS[BY_TIME].key
        self._matches: Predicate = compile_match("")
        self._rows: list[Row] = []  # rising, whatever is shown
        self._unmatched: list[range] = []  # numbers that a filter has still to look at

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: int) -> Row:
        return self._rows[len(self._rows) - 1 - at if self.falling else at]

    @property
    def ends_with_the_newest(self) -> bool:
        return self.order == BY_TIME and not self.falling

    @property
    def waiting(self) -> int:
        """How many came since the list is held."""
        return 0 if self.held is None else self.memory.next - max(self.held, self.memory.first)

    @property
    def unmatched(self) -> int:
        """How many a filter has still to look at."""
        first = self.memory.first
        return sum(max(0, each.stop - max(each.start, first)) for each in self._unmatched)

    def add(self, exchange: Exchange) -> None:
        """One more came."""
        number, first = self.memory.next, self.memory.first
        for gone, left in enumerate(self.memory.add(exchange), first):
            self._forget((self._key(left), gone))
        if self.held is None and self._matches(exchange):
            insort(self._rows, (self._key(exchange), number))

    def _forget(self, row: Row) -> None:
        at = bisect_left(self._rows, row)
        if at < len(self._rows) and self._rows[at] == row:
            del self._rows[at]

    def at(self, row: Row) -> int:
        """Where ``row`` is from the top, or would be; 0 in an empty list."""
        place = bisect_left(self._rows, row)
        place = len(self._rows) - 1 - place if self.falling else place
        return max(0, min(place, len(self._rows) - 1))

    def row_of(self, number: int, exchange: Exchange) -> Row:
        """Its row in today's order, in the list or not."""
        return self._key(exchange), number

    def has(self, row: Row) -> bool:
        return bool(self._rows) and self[self.at(row)] == row

    def match(self, matches: Predicate) -> None:
        """Show what ``matches``; ``step`` does the work."""
        self._matches = matches
        self._rows = []
        end = self.memory.next if self.held is None else self.held
        self._unmatched = [range(self.memory.first, end)]

    def hold(self) -> None:
        """From here on the list stays as it is."""
        if self.held is None:
            self.held = self.memory.next

    def resume(self) -> None:
        """What waited comes in with the next steps, and what comes now at once."""
        if self.held is not None:
            self._unmatched.append(range(self.held, self.memory.next))
            self.held = None

    def sort(self, order: str, falling: bool) -> None:
        """Raises KeyError for an order that is not in ORDERS."""
        self._key = ORDERS[order].key
        self.order, self.falling = order, falling
        self._rows = sorted((self._key(self.memory[number]), number) for _, number in self._rows)

    def step(self, most: int) -> bool:
        """Match ``most`` of what waits for it, the newest first. Says whether more waits."""
        while self._unmatched and most > 0:
            span = self._unmatched.pop()
            start = max(span.start, self.memory.first)
            part = range(max(start, span.stop - most), span.stop)
            self._merge([number for number in part if self._matches(self.memory[number])])
            most -= len(part)
            if part.start > start:
                self._unmatched.append(range(start, part.start))
        return bool(self._unmatched)

    def _merge(self, numbers: list[int]) -> None:
        found = sorted((self._key(self.memory[number]), number) for number in numbers)
        if found and self._rows and found[-1] < self._rows[0]:
            self._rows[:0] = found
            return
        self._rows += found
        self._rows.sort()  # two runs in their order: as quick as merging them
