"""A debugging session: a cursor with breakpoints and watched memory, told what to do in words.

The prompt and the screen of ``meshloom debug wasm`` are both made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from debugger.stepping import told
from debugger.stepping.conditions import EXAMPLES, WHAT, read_condition
from debugger.stepping.cursor import Condition, Cursor
from debugger.stepping.guest.places import Places
from debugger.stepping.run.history import History, SteppingError
from debugger.stepping.run.memory import MAX_RANGE, Memory, Watched
from mesh_yaml.suggest import suggest
from tap.printable import printable
from wasm_filters.tracing.values import shown

MAX_BREAKPOINTS = 100
MAX_WATCHED = 16
MAX_LISTED = 10  # stops on each side of "list"
_SIZE = 64  # bytes of memory, if nobody says how many


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """A condition, in the words that it was given in."""

    text: str
    holds: Condition


class Session:
    """``do`` takes a command and answers lines; ``cursor`` is where it is."""

    def __init__(self, history: History, places: Places) -> None:
        self.cursor = Cursor(history)
        self.places = places
        self.breakpoints: list[Breakpoint] = []
        self.watched: list[Watched] = []
        self._memory = Memory(history)

    def do(self, text: str) -> list[str]:
        """Carry out one command; what can't be done is told in a line, too."""
        name, _, rest = text.strip().partition(" ")
        if not name:
            return []
        try:
            command = COMMANDS.get(ALIASES.get(name, name))
            if command is None:
                near = suggest(name, COMMANDS)
                raise SteppingError(f"unknown command {name!r}{near if 'mean' in near else ''}")
            return list(command.run(self, rest.strip()))
        except SteppingError as error:
            return [printable(str(error))]

    # moving

    def _moved(self, far_enough: bool, end: str) -> Iterator[str]:
        if not far_enough:
            yield end
        yield from told.heading(self.cursor, self.places)
        yield from told.changes(self.cursor, self.places)

    def step(self, rest: str) -> Iterator[str]:
        yield from self._moved(self.cursor.forward(_count(rest)), "the end of the recording")

    def back(self, rest: str) -> Iterator[str]:
        yield from self._moved(self.cursor.back(_count(rest)), "the beginning of the recording")

    def next(self, rest: str) -> Iterator[str]:
        yield from self._moved(self.cursor.callback(), "no callback after this one")

    def previous(self, rest: str) -> Iterator[str]:
        yield from self._moved(self.cursor.callback(backwards=True), "no callback before this one")

    def finish(self, rest: str) -> Iterator[str]:
        yield from self._moved(self.cursor.finish(), "no callback ends after this step")

    def go(self, rest: str) -> Iterator[str]:
        self.cursor.go(_number(rest, "step"))
        yield from self._moved(True, "")

    def until(self, rest: str) -> Iterator[str]:
        holds = read_condition(rest, self.places)
        yield from self._moved(self.cursor.until([holds]), f"not after this step: {rest}")

    def since(self, rest: str) -> Iterator[str]:
        holds = read_condition(rest, self.places)
        found = self.cursor.until([holds], backwards=True)
        yield from self._moved(found, f"not before this step: {rest}")

    def resume(self, rest: str) -> Iterator[str]:
        if not self.cursor.until(self._conditions()):
            self.cursor.go(len(self.cursor.history))
            yield "the end of the recording"
        yield from self._moved(True, "")

    def reverse(self, rest: str) -> Iterator[str]:
        if not self.cursor.until(self._conditions(), backwards=True):
            self.cursor.go(1)
            yield "the beginning of the recording"
        yield from self._moved(True, "")

    def _conditions(self) -> Sequence[Condition]:
        return [one.holds for one in self.breakpoints] + [one.changed for one in self.watched]

    # stopping

    def add_breakpoint(self, rest: str) -> Iterator[str]:
        if len(self.breakpoints) >= MAX_BREAKPOINTS:
            raise SteppingError(f"there are {MAX_BREAKPOINTS} breakpoints, which is the most")
        self.breakpoints.append(Breakpoint(rest, read_condition(rest, self.places)))
        yield printable(f"breakpoint {len(self.breakpoints)}: {rest}")

    def delete(self, rest: str) -> Iterator[str]:
        number = _number(rest, "breakpoint")
        if not 1 <= number <= len(self.breakpoints):
            raise SteppingError(f"no breakpoint {number}")
        yield printable(f"deleted: {self.breakpoints.pop(number - 1).text}")

    def list_breakpoints(self, rest: str) -> Iterator[str]:
        for number, one in enumerate(self.breakpoints, 1):
            hits = sum(map(one.holds, self.cursor.history.stops))
            yield printable(f"{number}: {one.text}   holds at {_steps(hits)}")
        for watched in self.watched:
            yield f"watched: {watched.size} bytes at {watched.address:#x}"

    # looking

    def show(self, rest: str) -> Iterator[str]:
        yield from told.report(self.cursor, self.places)
        yield from self.watched_lines()

    def watched_lines(self) -> Iterator[str]:
        """The memory that is watched, as it is here."""
        for one in self.watched:
            yield ""
            changed = "   changed" if one.changed(self.cursor.stop) else ""
            yield f"memory of {one.size} bytes at {one.address:#x}{changed}"
            rows = list(told.dump(one.address, one.at(self.cursor.stop.number)))
            yield from (f"  {row}" for row in rows or ["not known here"])

    def list_stops(self, rest: str) -> Iterator[str]:
        at = self.cursor.stop.number
        stops = self.cursor.history.stops
        for stop in stops[max(0, at - 1 - MAX_LISTED) : at + MAX_LISTED]:
            mark = ">" if stop is self.cursor.stop else " "
            yield f"{mark}{told.line(stop, self.places)}"

    def memory(self, rest: str) -> Iterator[str]:
        address, size = read_range(rest)
        yield from told.dump(address, self.read_memory(address, size))

    def read_memory(self, address: int, size: int) -> bytes:
        """The bytes at this stop. SteppingError: they are outside of the memory."""
        return self._memory.read(self.cursor.stop, address, size)

    def watch(self, rest: str) -> Iterator[str]:
        if len(self.watched) >= MAX_WATCHED:
            raise SteppingError(f"{MAX_WATCHED} places are watched, which is the most")
        address, size = read_range(rest)
        found = self._memory.watched(self.cursor.stop.owner.vm, address, size)
        self.watched.append(found)
        changed = sum(map(found.changed, self.cursor.history.stops))
        yield f"watched: {size} bytes at {address:#x}   changed at {_steps(changed)}"

    def property(self, rest: str) -> Iterator[str]:
        if not rest:
            raise SteppingError("expected a property's path, as in 'request.path'")
        value = self._memory.property(self.cursor.stop, rest)
        yield printable(f"{rest} = {'not found' if value is None else shown(value)}")

    def help(self, rest: str) -> Iterator[str]:
        short = {name: alias for alias, name in ALIASES.items()}
        for name, command in COMMANDS.items():
            alias = f" ({short[name]})" if name in short else ""
            yield f"  {name + alias + ' ' + command.takes:<34} {command.about}"
        yield ""
        yield "conditions of until, since and break:"
        for kind, what in WHAT.items():
            yield f"  {EXAMPLES[kind]:<42} {what}"


def _section(name: str) -> Callable[[Session, str], Iterator[str]]:
    def show(session: Session, rest: str) -> Iterator[str]:
        lines = list(told.SECTIONS[name](session.cursor, session.places))
        yield from lines or [f"no {name} at this step"]

    return show


def read_range(text: str) -> tuple[int, int]:
    """``ADDRESS [SIZE]``, each decimal or with 0x. SteppingError: it is none."""
    words = text.replace(":", " ").split()
    try:
        numbers = [int(word, 0) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise SteppingError(
            f"expected an address and perhaps a size, as in '0x1000 64', got {text!r}"
        )
    address, size = (*numbers, _SIZE)[:2]
    if not 0 < size <= MAX_RANGE:
        raise SteppingError(f"{size} bytes, expected 1 to {MAX_RANGE}")
    return address, size


def _steps(count: int) -> str:
    return f"{count:,} step{'' if count == 1 else 's'}"


def _number(text: str, what: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise SteppingError(f"expected the number of a {what}, got {text!r}")
    return int(text)


def _count(text: str) -> int:
    return _number(text, "step") if text else 1


@dataclass(frozen=True, slots=True)
class Command:
    """What ``run`` does with a session and the rest of the line."""

    run: Callable[[Session, str], Iterator[str]]
    takes: str
    about: str


COMMANDS: Mapping[str, Command] = {
    "step": Command(Session.step, "[N]", "to the next callback or hostcall"),
    "back": Command(Session.back, "[N]", "to the one before"),
    "next": Command(Session.next, "", "to the next callback"),
    "previous": Command(Session.previous, "", "to the callback before"),
    "finish": Command(Session.finish, "", "to the end of this callback"),
    "go": Command(Session.go, "N", "to a step by its number"),
    "until": Command(Session.until, "CONDITION", "on, to where it holds"),
    "since": Command(Session.since, "CONDITION", "back, to where it held"),
    "break": Command(Session.add_breakpoint, "CONDITION", "stop there from now on"),
    "delete": Command(Session.delete, "N", "forget a breakpoint"),
    "breakpoints": Command(Session.list_breakpoints, "", "those that there are"),
    "continue": Command(Session.resume, "", "on, to a breakpoint or a change of watched memory"),
    "reverse": Command(Session.reverse, "", "back, to one"),
    "show": Command(Session.show, "", "all there is to tell of this step"),
    "list": Command(Session.list_stops, "", "the steps around this one"),
    "stack": Command(_section("stack"), "", "the functions that wait, with their lines"),
    "headers": Command(_section("headers"), "", "of request and response"),
    "bodies": Command(_section("bodies"), "", "of request and response"),
    "properties": Command(_section("properties"), "", "that were set or asked for"),
    "property": Command(Session.property, "PATH", "one that nobody asked for"),
    "shared": Command(_section("shared data"), "", "that was set or asked for"),
    "metrics": Command(_section("metrics"), "", "and their values"),
    "log": Command(_section("log"), "", "the last lines up to here"),
    "memory": Command(Session.memory, "ADDRESS [SIZE]", "of the guest"),
    "watch": Command(Session.watch, "ADDRESS [SIZE]", "memory, at every step from now on"),
    "help": Command(Session.help, "", "these commands"),
}  # fmt: skip
ALIASES: Mapping[str, str] = {
    "s": "step", "b": "back", "n": "next", "p": "previous", "f": "finish", "g": "go", "u": "until",
    "c": "continue", "r": "reverse", "l": "list", "h": "help", "bt": "stack", "m": "memory",
}  # fmt: skip
