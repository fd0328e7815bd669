"""The commands of the prompt: one table, each with its words, its use and what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from debugger.console.console import Console, Misuse, Said, held_line, shown, words_of
from debugger.console.draft import FIELDS, changed, message_of
from debugger.gate.answers import Abort
from debugger.gate.hold import Release, Verb
from mesh_traffic import Response
from mesh_yaml.suggest import suggest
from tap.content import view


@dataclass(frozen=True, slots=True)
class Given:
    """What stands behind a command's name."""

    text: str

    @property
    def words(self) -> list[str]:
        return words_of(self.text)

    def pair(self) -> tuple[str, str]:
        """``NAME: VALUE``, ``NAME=VALUE`` or ``NAME VALUE``. Raises Misuse."""
        start = 1 if self.text.startswith(":") else 0  # a pseudo-header
        at = min((i for sign in ":= " if (i := self.text.find(sign, start)) > 0), default=-1)
        if at < 0:
            raise Misuse(f"expected NAME: VALUE, got {self.text!r}")
        return self.text[:at].strip(), self.text[at + 1 :].strip()


@dataclass(frozen=True, slots=True)
class Command:
    """``names``, the first being the usual one; ``use`` and ``help`` are for people."""

    names: tuple[str, ...]
    use: str
    help: str
    run: Callable[[Console, Given], Said]


def _show(console: Console, given: Given) -> Said:
    held, draft = console.held, console.draft
    exchange = changed(held, draft)
    lines = [
        held_line(held),
        f"  route {exchange.route or '–'}   cluster {exchange.cluster or '–'}"
        f"   {exchange.source} → {exchange.destination}",
        *_message(console),
        *_body(console),
    ]
    left = held.until - console.clock()
    return shown([*lines, f"  held for {max(0, left):.0f} s more, unless it is released"])


def _headers(console: Console, given: Given) -> Said:
    return shown(_message(console))


def _message(console: Console) -> Iterator[str]:
    held = console.held
    exchange = changed(held, console.draft)
    side = exchange.response if isinstance(message_of(held), Response) else exchange.request
    assert side is not None
    for name, value in side.fields():
        mark = "*" if name.lower() in console.draft.fields else " "
        yield f"{mark} {name}: {value}"


def _body(console: Console) -> Iterator[str]:
    held = console.held
    answered = isinstance(message_of(held), Response)
    exchange = changed(held, console.draft)
    told = view(exchange, "response" if answered else "request")
    if told.kind == "empty" and held.phase.words.endswith("headers"):
        yield "  the body has not come yet: step, or break on its phase"
    elif told.kind == "empty":
        yield "  no body"
    else:
        yield f"  {told.kind}, {told.size} bytes"
    yield from (f"  | {line}" for line in told.text.splitlines())
    yield from (f"  … {note}" for note in told.notes)
    if not held.whole:
        yield "  … only the beginning is here; the rest goes on behind it"


def _bodies(console: Console, given: Given) -> Said:
    if given.text:
        console.draft.body = given.text.encode()
        return shown(console.draft.lines())
    return shown(_body(console))


def _attributes(console: Console, given: Given) -> Said:
    told = sorted(console.held.attributes.items())
    return shown(f"  {name:<38}  {value}" for name, value in told if value)


def _set(console: Console, given: Given) -> Said:
    console.draft.set(*given.pair())
    return shown(console.draft.lines())


def _set_field(name: str) -> Callable[[Console, Given], Said]:
    def run(console: Console, given: Given) -> Said:
        if not given.text:
            raise Misuse(f"expected {name} VALUE")
        console.draft.set(name, given.text)
        return shown(console.draft.lines())

    return run


def _remove(console: Console, given: Given) -> Said:
    if not given.words:
        raise Misuse("expected the name of a field")
    for name in given.words:
        console.draft.remove(name)
    return shown(console.draft.lines())


def _undo(console: Console, given: Given) -> Said:
    console.draft.clear()
    return shown(["it is as it came"])


def _release(verb: Verb) -> Callable[[Console, Given], Said]:
    def run(console: Console, given: Given) -> Said:
        if given.words:
            console.use(given.words[0])
        held = console.held
        return Said(hold=held.id, release=Release(verb, console.draft.edit))

    return run


def _abort(console: Console, given: Given) -> Said:
    held = console.held
    status, _, body = given.text.partition(" ")
    if status and not (status.isdecimal() and 200 <= int(status[:4]) <= 599):
        raise Misuse(f"expected a status from 200 to 599, got {status!r}")
    abort = Abort(int(status or 503), body.encode())
    return Said(hold=held.id, release=Release("abort", abort=abort))


def _holds(console: Console, given: Given) -> Said:
    lines = [
        f"{'>' if one.id == console.current else ' '} {held_line(one)}"
        for one in console.holds.values()
    ]
    return shown(lines or ["nothing is held"])


def _use(console: Console, given: Given) -> Said:
    console.use(given.text)
    return shown([held_line(console.held)])


def _help(console: Console, given: Given) -> Said:
    return shown(f"  {each.use:<22}  {each.help}" for each in COMMANDS)


def _quit(console: Console, given: Given) -> Said:
    return Said(quits=True)


COMMANDS = (
    Command(("show", "s"), "show", "all that is known of the held request", _show),
    Command(("headers", "h"), "headers", "the fields of the message that is held", _headers),
    Command(("body", "b"), "body [TEXT]", "the body, or a new one", _bodies),
    Command(("attributes", "a"), "attributes", "what Envoy says of it", _attributes),
    Command(("set",), "set NAME: VALUE", "give a header one value", _set),
    Command(("remove", "rm"), "remove NAME…", "send it without these headers", _remove),
    *(
        Command((name,), f"{name} VALUE", f"change {field}", _set_field(name))
        for name, field in FIELDS.items()
    ),
    Command(("undo",), "undo", "forget the changes", _undo),
    Command(
        ("continue", "c"), "continue [ID]", "let it go, with its changes", _release("continue")
    ),
    Command(("step", "n"), "step [ID]", "let it go to its next phase", _release("step")),
    Command(("abort",), "abort [STATUS [BODY]]", "answer it at once; 503", _abort),
    Command(("holds", "l"), "holds", "what is held", _holds),
    Command(("use",), "use ID", "look at another one", _use),
    Command(("help", "?"), "help", "this list", _help),
    Command(("quit", "q"), "quit", "end; what is held goes its way", _quit),
)


def command_of(name: str) -> Command:
    """The command that is called so, or the only one whose name begins so. Raises Misuse."""
    known = {word: each for each in COMMANDS for word in each.names}
    if name in known:
        return known[name]
    begun = [each for each in COMMANDS if each.names[0].startswith(name)]
    if len(begun) > 1:
        names = ", ".join(each.names[0] for each in begun)
        raise Misuse(f"{name!r} may be {names}")
    if not begun:
        raise Misuse(f"unknown command {name!r}{suggest(name, list(known))}")
    return begun[0]
