"""All that the application knows, without a widget: what came, what is covered, which filter holds.

Its expression is that of ``tap.language.match``. A wrong one changes nothing: the last good one
holds until there is a better one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mesh_traffic import Exchange, replace
from meshloom.tap.tui.listing import ORDERS, Listing, Row
from meshloom.tap.tui.memory import Memory
from tap.language.match import MatchError, compile_match
from tap.language.terms import Predicate
from tap.lines import coverage_line, printable
from tap.live.coverage import Coverage
from tap.live.viewer import NOT_YET
from tap.tree.hops import Hop, hops_of
from tap.tree.related import MAX_RELATED, of_request
from tap.tree.trace_context import context

STEP = 200  # exchanges that a filter looks at before the clock is asked


@dataclass(frozen=True, slots=True)
class Selected:
    """The exchange that the cursor is on; it stays known when the memory has forgotten it."""

    number: int
    exchange: Exchange


class Session:
    """``notes`` are told for as long as it runs: what no Envoy sees, which filter the hub has."""

    def __init__(self, memory: Memory | None = None, notes: Sequence[str] = ()) -> None:
        self.memory = Memory() if memory is None else memory
        self.listing = Listing(self.memory)
        self.selected: Selected | None = None
        self.filter = ""  # the last good one
        self.wrong: MatchError | None = None
        self.ended = ""  # why nothing comes any more
        self._notes = tuple(notes)
        self._coverage: Coverage | None = None

    def receive(self, event: Exchange | Coverage) -> None:
        if isinstance(event, Coverage):
            self._coverage = event
        else:
            self.listing.add(event)

    def coverage(self) -> str:
        """One line. The hub tells what it covers once in a while; what came since is counted."""
        if self._coverage is None:
            return "connecting"
        came = self.memory.next
        seen = max(self._coverage.seen, came)
        line = coverage_line(replace(self._coverage, seen=seen, shown=came))
        gone = f"   {self.memory.first:,} too old to keep" if self.memory.first else ""
        return line + gone

    @property
    def complete(self) -> bool:
        """Whether every Envoy is watched, nothing was lost, and all of it is still here."""
        told = self._coverage
        whole = told is not None and told.watching == told.targets and not told.lost
        return whole and not self.memory.first

    def notes(self) -> list[str]:
        """What there is to say besides: the end, Envoys that are not watched, what nobody sees."""
        told = self._coverage.notes if self._coverage else ()
        news = [note for note in told if not note.endswith(NOT_YET)]
        return [printable(one) for one in (self.ended, *news, *self._notes) if one]

    def check(self, expression: str) -> Predicate | None:
        """Whether ``expression`` is a filter; ``wrong`` says why not."""
        try:
            matches = compile_match(expression)
        except MatchError as error:
            self.wrong = error
            return None
        self.wrong = None
        return matches

    def match(self, expression: str) -> None:
        """Filter by ``expression``, if it is right."""
        if (matches := self.check(expression)) is None:
            return
        if expression.strip() != self.filter.strip():
            self.listing.match(matches)
        self.filter = expression

    def work(self, goes_on: Callable[[], bool]) -> None:
        """Go on filtering while there is something to look at, and ``goes_on`` says so."""
        while self.listing.step(STEP) and goes_on():
            pass

    def sort(self, order: str) -> None:
        """By ``order``, as people want it first; the other way round when it is so already."""
        listing = self.listing
        falling = not listing.falling if order == listing.order else ORDERS[order].falling
        listing.sort(order, falling)

    def select(self, at: int) -> None:
        """The row ``at`` so many from the top, or the nearest; the list is held for it."""
        self.listing.hold()
        if len(self.listing):
            _, number = self.listing[max(0, min(at, len(self.listing) - 1))]
            self.selected = Selected(number, self.memory[number])

    def go_to(self, number: int) -> str:
        """Select an exchange by its number. What there is to tell of it, "" when all is well."""
        if not self.memory.first <= number < self.memory.next:
            return "that one is too old to keep, and gone"
        self.listing.hold()
        self.selected = Selected(number, self.memory[number])
        row = self.row()
        shown = row is not None and self.listing.has(row)
        return "" if shown else "not in the list: the filter hides it, or it waits"

    def row(self) -> Row | None:
        """The selected exchange's row."""
        if self.selected is None:
            return None
        return self.listing.row_of(self.selected.number, self.selected.exchange)

    def resume(self) -> None:
        self.selected = None
        self.listing.resume()

    def tree(self) -> tuple[list[Hop], list[int]]:
        """The roots of the selected exchange's request, and the number of each hop's exchange from
        the top down. Empty when nothing is selected, or it has no id to share."""
        asked = self.selected.exchange if self.selected is not None else None
        if asked is None or not (asked.request_id or context(asked).trace_id):
            return [], []
        found = list(self.memory.of_request(asked))[-MAX_RELATED:]
        numbers = {id(exchange): number for number, exchange in found}
        roots = of_request(hops_of(exchange for _, exchange in found), asked)
        return roots, [numbers[id(hop.exchange)] for root in roots for hop in root.walk()]
