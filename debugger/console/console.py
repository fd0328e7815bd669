"""One person's session: what is held, which of it is looked at, what is changed of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from debugger.console.draft import Draft
from debugger.gate.hold import Held, Missed, Release, Released
from mesh_yaml.suggest import suggest
from tap.lines import printable

MAX_LINE = 64 * 1024  # characters
ENDS = {  # what is told of a hold that nobody here released
    "expired": "its lease is over",
    "removed": "its breakpoint was removed",
    "gone": "its client has gone",
}


class Misuse(ValueError):
    """What was typed makes no sense; the message says why."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a line comes to: what to show, which hold to let go how, and whether to end."""

    lines: tuple[str, ...] = ()
    hold: str = ""
    release: Release | None = None
    quits: bool = False


@dataclass(slots=True)
class Console:
    """``clock`` gives epoch seconds. ``holds`` are those that this person's breakpoints hold, the
    oldest first; ``current`` is the id of that which commands are about, "" where nothing is held.
    """

    clock: Callable[[], float]
    holds: dict[str, Held] = field(default_factory=dict)
    current: str = ""
    drafts: dict[str, Draft] = field(default_factory=dict)

    @property
    def held(self) -> Held:
        """The one that is looked at. Raises Misuse where nothing is held."""
        if not self.current:
            raise Misuse("nothing is held")
        return self.holds[self.current]

    @property
    def draft(self) -> Draft:
        """What is changed of it."""
        return self.drafts.setdefault(self.held.id, Draft())

    def use(self, hold: str) -> None:
        """Look at that one. Raises Misuse."""
        if hold not in self.holds:
            raise Misuse(f"no request {hold!r} is held here{suggest(hold, self.holds)}")
        self.current = hold

    def heard(self, event: Held | Released | Missed | str) -> list[str]:
        """Something happened; the lines to show of it."""
        if isinstance(event, Held):
            self.holds[event.id] = event
            self.current = self.current or event.id
            return [held_line(event)]
        if isinstance(event, Released):
            return self._released(event)
        if isinstance(event, Missed):
            return [printable(f"missed at {event.node}: {event.why}")]
        return [f"breakpoint {event} has held all that it was to hold"]

    def _released(self, event: Released) -> list[str]:
        held = self.holds.pop(event.id, None)
        self.drafts.pop(event.id, None)
        if self.current == event.id:
            self.current = next(iter(self.holds), "")
        if held is None or event.how not in ENDS:
            return []
        then = "goes on" if event.goes_on else "ends"
        return [f"○ {event.id} {then} after {event.after:.1f} s: {ENDS[event.how]}"]

    def run(self, line: str) -> Said:
        """What somebody typed. Raises Misuse."""
        from debugger.console.commands import Given, command_of

        if len(line) > MAX_LINE:
            raise Misuse(f"{len(line)} characters, wanted at most {MAX_LINE}")
        name, _, rest = line.strip().partition(" ")
        if not name:
            return Said()
        return command_of(name).run(self, Given(rest.strip()))


def held_line(held: Held) -> str:
    """``● held 41c0  POST /reviews/1 from productpage   request headers``"""
    exchange = held.exchange
    asked = f"{exchange.request.method} {exchange.request.path}"
    source = exchange.source
    status = f" → {exchange.response.status}" if exchange.response is not None else ""
    at = f" at {held.node}"
    return printable(f"● held {held.id}  {asked}{status} from {source}{at}   {held.phase.words}")


def words_of(text: str) -> list[str]:
    """As a shell would split it. Raises Misuse."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Misuse(f"{str(error).lower()}: {text!r}") from error


def shown(lines: Iterable[str]) -> Said:
    """Only something to look at, safe for a terminal."""
    return Said(tuple(printable(line) for line in lines))
