"""A stop in words and as data: the call, where in the source it was made, and the state there.

Lines are safe to print: what comes from a module, a request or a response can't move a cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from debugger.stepping.cursor import Cursor
from debugger.stepping.guest.places import Places
from debugger.stepping.run.history import History
from debugger.stepping.run.state import BODIES, FIELDS, METRICS, PROPERTY, SHARED_DATA, Body
from debugger.stepping.run.stop import Kind, Stop
from tap.printable import printable
from wasm_filters.tracing.text import answer_line, call_line
from wasm_filters.tracing.values import plain, shown

MAX_LOGS = 20  # lines of the log that are shown at a stop, the last ones
MAX_FIELDS = 200  # of one map
MAX_ROWS = 200  # of properties, shared data or metrics
_WIDTH = 16  # bytes of memory in a line


def line(stop: Stop, places: Places) -> str:
    """One stop on one line: its number, the call, what it changed, and the filter's own line."""
    indent = "      " * stop.event.depth
    source = places.own_line(stop)
    parts = [
        f"{stop.number:>6}  {indent}{summary(stop)}",
        f"[{len(stop.assigned)} changed]" if stop.assigned else "",
        source.place if source is not None else "",
    ]
    return printable("   ".join(part for part in parts if part))


def summary(stop: Stop) -> str:
    """The call and its answer, each as a trace has it; of a callback the one or the other."""
    if stop.kind is Kind.CALLBACK:
        return call_line(stop.event)
    if stop.kind is Kind.HOSTCALL:
        return f"{call_line(stop.event)[4:]} {answer_line(stop.event)[4:] or 'did not return'}"
    return f"{answer_line(stop.event)}   {stop.event.name}"


def report(cursor: Cursor, places: Places) -> Iterator[str]:
    """All there is to tell of the stop that ``cursor`` is at."""
    yield from heading(cursor, places)
    for name, section in SECTIONS.items():
        lines = list(section(cursor, places))
        if lines:
            yield ""
            yield name
            yield from (f"  {one}" for one in lines)


def heading(cursor: Cursor, places: Places) -> Iterator[str]:
    """Which stop it is, its call, and the line of the source."""
    stop, history = cursor.stop, cursor.history
    inside = stop.event.inside or stop.event.name
    plugin = f"   {stop.event.plugin}" if stop.event.plugin else ""
    where = f"{history.action(stop)}{plugin}   {inside}   context {stop.owner.context}"
    yield printable(f"step {stop.number} of {len(history)}   {where}")
    if stop.kind in (Kind.CALLBACK, Kind.HOSTCALL):
        yield printable(call_line(stop.event))
    if stop.kind is not Kind.CALLBACK:
        answer = answer_line(stop.event) or "<== it did not return"
        yield printable(answer)
    source = places.own_line(stop)
    if source is not None:
        yield printable(f"at {source}")


def stack(cursor: Cursor, places: Places) -> Iterator[str]:
    for depth, place in enumerate(places.at(cursor.stop)):
        first, *callers = place.lines or (place,)
        yield printable(f"{depth}: {first}")
        yield from (printable(f"   inlined in {caller}") for caller in callers)


def changes(cursor: Cursor, places: Places) -> Iterator[str]:
    for at, change in enumerate(cursor.stop.changes):
        if at == MAX_ROWS:
            yield "… and more"
            return
        yield printable(str(change))


def headers(cursor: Cursor, places: Places) -> Iterator[str]:
    for part in FIELDS.values():
        pairs = cursor.state.of(part, cursor.stop.owner).get("")
        if not isinstance(pairs, tuple):
            continue
        yield part
        for name, value in pairs[:MAX_FIELDS]:
            yield printable(f"  {name.decode('utf-8', 'backslashreplace')}: {_bare(value)}")
        if len(pairs) > MAX_FIELDS:
            yield f"  … ({len(pairs)} fields)"


def _bare(value: bytes) -> str:
    """A field's value without quotes, if it is whole and text."""
    text = shown(value)
    quote = text[0]
    return text[1:-1] if quote in "'\"" and text.endswith(quote) else text


def bodies(cursor: Cursor, places: Places) -> Iterator[str]:
    for part in BODIES.values():
        body = cursor.state.of(part, cursor.stop.owner).get("")
        if isinstance(body, Body):
            yield printable(f"{part}: {body.size} bytes {body}")


def properties(cursor: Cursor, places: Places) -> Iterator[str]:
    yield from _rows(cursor.state.of(PROPERTY, cursor.stop.owner))


def shared_data(cursor: Cursor, places: Places) -> Iterator[str]:
    yield from _rows(cursor.state.of(SHARED_DATA))


def metrics(cursor: Cursor, places: Places) -> Iterator[str]:
    for part in METRICS:
        yield from (f"{part} {row}" for row in _rows(cursor.state.of(part)))


def _rows(values: Mapping[str, object]) -> Iterator[str]:
    for at, name in enumerate(sorted(values)):
        if at == MAX_ROWS:
            yield f"… ({len(values)} in all)"
            return
        yield printable(f"{name} = {shown(values[name])}")


def logs(cursor: Cursor, places: Places) -> Iterator[str]:
    """The last lines that were logged up to here."""
    found: list[str] = []
    for stop in reversed(cursor.history.stops[: cursor.stop.number]):
        for log in reversed(stop.logs):
            found.append(printable(f"{log.level.name.lower()}: {log.message}"))
        if len(found) >= MAX_LOGS:
            break
    yield from reversed(found[:MAX_LOGS])


Section = Callable[[Cursor, Places], Iterator[str]]
SECTIONS: Mapping[str, Section] = {
    "changes": changes,
    "headers": headers,
    "bodies": bodies,
    "properties": properties,
    "shared data": shared_data,
    "metrics": metrics,
    "log": logs,
    "stack": stack,
}


def dump(address: int, data: bytes) -> Iterator[str]:
    """Memory as ``hexdump -C`` shows it."""
    for at in range(0, len(data), _WIDTH):
        row = data[at : at + _WIDTH]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield f"{address + at:08x}  {row.hex(' '):<{3 * _WIDTH}} |{text}|"


def notes(history: History, places: Places) -> Iterator[str]:
    """What is to be known of the whole run, and is not as one would think."""
    if (parted := history.departure) is not None:
        where = f"hostcall {parted.hostcall}, in {parted.callback}"
        masked = ": its secrets are placeholders" if history.recording.header.masked else ""
        yield printable(f"this run departs from the recording at {where}{masked}")
    if history.lost:
        yield f"{history.lost:,} calls at the end were too many to be kept"
    if history.unknown:
        yield f"{history.unknown:,} calls to services: not in the recording, so nobody answered"
    if history.blind_from is not None:
        yield f"from step {history.blind_from:,} on, changes were too much to be kept"
    yield from (printable(problem) for problem in places.problems())


def as_json(cursor: Cursor, places: Places) -> dict[str, Any]:
    """The stop that ``cursor`` is at, with the whole state."""
    stop = cursor.stop
    return {
        **brief(stop, cursor.history, places),
        "of": len(cursor.history),
        "stack": places.as_json(stop),
        "changes": [change.as_json() for change in stop.changes],
        "log": [_log(log.level.name, log.message) for log in stop.logs],
        "state": _state(cursor),
    }


def brief(stop: Stop, history: History, places: Places) -> dict[str, Any]:
    """A stop without its state."""
    source = places.own_line(stop)
    return {
        "step": stop.number,
        "kind": stop.kind.value,
        "during": history.action(stop),
        **_call(stop),
        "context": stop.owner.context,
        "line": source._asdict() if source is not None else None,
    }


def _call(stop: Stop) -> dict[str, Any]:
    """The call as a trace has it; when a callback begins, nobody knows yet how it ends."""
    event = stop.event
    known = event.as_json()
    found = {name: known[name] for name in ("call", "inside", "plugin", "depth", "arguments")}
    if stop.kind is Kind.CALLBACK:
        return {**found, "answer": None, "results": {}, "failure": None}
    failure = event.failure.reason if event.failure is not None else None
    return {**found, "answer": event.answer, "results": known["results"], "failure": failure}


def _log(level: str, message: str) -> dict[str, str]:
    return {"level": level.lower(), "message": message}


def _state(cursor: Cursor) -> dict[str, Any]:
    owner, state = cursor.stop.owner, cursor.state
    found: dict[str, Any] = {}
    for part in (*FIELDS.values(), *BODIES.values()):
        value = state.of(part, owner).get("")
        if value is not None:
            found[part] = _plain(value)
    found["properties"] = _mapping(state.of(PROPERTY, owner))
    found["shared_data"] = _mapping(state.of(SHARED_DATA))
    found["metrics"] = {name: value for part in METRICS for name, value in state.of(part).items()}
    return found


def _mapping(values: Mapping[str, object]) -> dict[str, Any]:
    return {name: plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, Body):
        return {"size": value.size, "data": plain(value.data)}
    return plain(list(value)) if isinstance(value, tuple) else plain(value)
