"""Which requests an Envoy sends to the gate: breakpoints → rows of its filter's matcher. Pure.

A row may let through too much, never too little: the gate asks the breakpoint itself. Envoy looks
before it has seen more than the request's headers, so what is said of a response lets all through.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from debugger.breakpoints.breakpoint import Breakpoint, Phase
from mesh_patterns.compile.gate import Predicate, Row
from tap.ext_proc.matcher import every, header, single, some
from tap.language.conditions import Atom, Condition, Every
from tap.topology import Topology
from xds_server.protos import network_input, xds_matcher

MAX_DEPTH = 8  # of conditions in conditions: deeper ones are the gate's alone
MAX_TEXT = 4096  # characters of a value

_PSEUDO = {"method": ":method", "host": ":authority", "path": ":path"}
_HEADER = "header "


def rows_of(breakpoints: Iterable[Breakpoint], node: str, topology: Topology) -> list[Row]:
    """The rows for one Envoy; those that fail closed first: they hold for sure."""
    found = []
    for one in breakpoints:
        ports = one.place.listeners(topology).get(node, ())
        if ports:
            at = some([_port(each) for each in ports])
            predicate = every([at, _of(one.match.implied, one.phase < Phase.RESPONSE)])
            assert predicate is not None  # there is a port
            found.append(Row(predicate, one.on_end == "open"))
    return sorted(found, key=lambda row: row.fail_open)


def _port(port: int) -> Predicate:
    value = xds_matcher.StringMatcher(exact=str(port))
    return single("port", network_input.DestinationPortInput(), value)


def _of(condition: Condition | None, asked: bool, depth: int = 0) -> Predicate | None:
    """What holds of the request wherever the condition does; None: nothing is known to. ``asked``:
    a header that it names is one of the request."""
    if condition is None or depth > MAX_DEPTH:
        return None
    if isinstance(condition, Atom):
        return _atom(condition, asked)
    parts: Collection[Predicate | None] = [_of(each, asked, depth + 1) for each in condition.of]
    return every(parts) if isinstance(condition, Every) else some(parts)


def _atom(atom: Atom, asked: bool) -> Predicate | None:
    value = atom.value
    if atom.sign != "==" or not isinstance(value, str):
        return None
    if not (value.isascii() and value.isprintable() and 0 < len(value) <= MAX_TEXT):
        return None
    if atom.name in _PSEUDO:
        return header(_PSEUDO[atom.name], xds_matcher.StringMatcher(exact=value))
    if asked and atom.name.startswith(_HEADER):  # one that comes twice is one value to Envoy
        name = atom.name.removeprefix(_HEADER)
        return header(name, xds_matcher.StringMatcher(contains=value))
    return None
