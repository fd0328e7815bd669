"""Where to stop, in a few words: ``hostcall proxy_log``, ``header x-user``, ``trap``.

A name may be a pattern of the shell, and leave out ``proxy_`` or ``proxy_on_``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from debugger.stepping.cursor import Condition
from debugger.stepping.guest.places import Places
from debugger.stepping.run.history import SteppingError
from debugger.stepping.run.state import FIELDS
from debugger.stepping.run.stop import Kind, Stop
from mesh_yaml.suggest import suggest
from wasm_filters.abi import CALLBACKS
from wasm_filters.hostcalls import HOSTCALLS, WASI

MAX_LENGTH = 1000  # characters of one condition
_FIELD_PARTS = frozenset(FIELDS.values())
_PATTERN = frozenset("*?[")
_CALLBACKS = sorted({name for names in CALLBACKS.values() for name in names})
_HOSTCALLS = sorted({*HOSTCALLS, *WASI})


def read_condition(text: str, places: Places) -> Condition:
    """The condition that ``text`` is; SteppingError says what is wrong with it."""
    kind, _, rest = text.strip()[:MAX_LENGTH].partition(" ")
    subject = rest.strip()
    if kind not in _KINDS:
        raise SteppingError(f"unknown condition {kind!r}{suggest(kind, _KINDS)}")
    if not subject and kind != "trap":
        raise SteppingError(f"{kind}: expected {WHAT[kind]}, as in {EXAMPLES[kind]!r}")
    return _KINDS[kind](subject, places)


def _hostcall(name: str, places: Places) -> Condition:
    wanted = _pattern(name, "proxy_", _HOSTCALLS, "hostcall")
    return lambda stop: stop.kind is Kind.HOSTCALL and fnmatchcase(stop.event.name, wanted)


def _callback(name: str, places: Places) -> Condition:
    wanted = _pattern(name, "proxy_on_", _CALLBACKS, "callback")
    return lambda stop: stop.kind is Kind.CALLBACK and fnmatchcase(stop.event.name, wanted)


def _pattern(name: str, prefix: str, known: list[str], kind: str) -> str:
    """The pattern that is meant; SteppingError if nothing has such a name."""
    for wanted in (name, prefix + name):
        if any(fnmatchcase(one, wanted) for one in known):
            return wanted
    if _PATTERN & set(name):
        raise SteppingError(f"{kind} {name}: no {kind} has such a name")
    near = suggest(name, known)
    raise SteppingError(f"unknown {kind} {name!r}{near if 'mean' in near else ''}")


def _header(name: str, places: Places) -> Condition:
    wanted = name.lower()

    def holds(stop: Stop) -> bool:
        return stop.kind is not Kind.CALLBACK and any(
            change.name == wanted
            for one in stop.assigned
            if one.slot.part in _FIELD_PARTS
            for change in one.changes()
        )

    return holds


def _log(text: str, places: Places) -> Condition:
    return lambda stop: any(text in log.message for log in stop.logs)


def _trap(text: str, places: Places) -> Condition:
    failed = Kind.TRAP

    def holds(stop: Stop) -> bool:
        failure = stop.event.failure
        return stop.kind is failed and failure is not None and text in failure.reason

    return holds


def _line(text: str, places: Places) -> Condition:
    file, colon, number = text.rpartition(":")
    if not colon or not number.isdecimal():
        raise SteppingError(f"line {text}: expected FILE:LINE, as in {EXAMPLES['line']!r}")
    ending, wanted = f"/{file}", int(number)

    def holds(stop: Stop) -> bool:
        return any(
            line.line == wanted and f"/{line.file}".endswith(ending)
            for place in places.at(stop)
            for line in place.lines
        )

    return holds


_KINDS: Mapping[str, Callable[[str, Places], Condition]] = {
    "hostcall": _hostcall,
    "callback": _callback,
    "header": _header,
    "log": _log,
    "trap": _trap,
    "line": _line,
}
WHAT: Mapping[str, str] = {
    "hostcall": "a hostcall's name",
    "callback": "a callback's name",
    "header": "a field that a hostcall changes",
    "log": "a part of a line that is logged",
    "trap": "nothing, or a part of why a callback did not return",
    "line": "a place in the source, also of a caller",
}
EXAMPLES: Mapping[str, str] = {
    "hostcall": "hostcall proxy_send_local_response",
    "callback": "callback proxy_on_response_headers",
    "header": "header x-user",
    "log": "log refused",
    "trap": "trap unreachable",
    "line": "line src/lib.rs:79",
}
