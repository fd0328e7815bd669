"""What viewers want, as far as Envoy itself can choose by it: conditions → a tap's match. Pure.

A match may let through too much, never too little: what it keeps out can't match any viewer. The
hub still asks each viewer's own expression. Only what both sides compare alike is pushed: whole
methods, hosts and paths, and ranges of the status. Regular expressions are Python's here and RE2
there, and a header that comes twice is one value to Envoy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from mesh_traffic import Request
from tap.access_log import Entry
from tap.language.conditions import Atom, Condition, Every, Some
from tap.traces.request import ANY, MAX_TEXT, AllOf, AnyOf, HeaderIn, HeaderIs, Rule

MAX_STATUS = 1000
MAX_RULES = 100  # of one match; more are not worth asking at each request

_PSEUDO = {"method": ":method", "host": ":authority", "path": ":path"}
# what a log tells as the tap saw it; a host may have been rewritten since
_TOLD: Mapping[str, Callable[[Request], str]] = {
    ":method": lambda request: request.method,
    ":path": lambda request: request.path,
}


def union(conditions: Iterable[Condition | None]) -> Rule:
    """What lets through all that any of these may want; ANY as soon as one may want anything,
    or nobody said what."""
    rules = tuple(dict.fromkeys(rule_of(condition) for condition in conditions))
    if not rules or ANY in rules or _count(rules) > MAX_RULES:
        return ANY
    return rules[0] if len(rules) == 1 else AnyOf(rules)


def rule_of(condition: Condition | None) -> Rule:
    """What of a condition Envoy can decide; ANY for nothing of it."""
    if isinstance(condition, Every):
        known = tuple(rule for each in condition.of if (rule := rule_of(each)) is not ANY)
        return AllOf(known) if len(known) > 1 else next(iter(known), ANY)
    if isinstance(condition, Some):
        rules = tuple(rule_of(each) for each in condition.of)
        return ANY if ANY in rules else AnyOf(rules)
    return _of_atom(condition) if condition is not None else ANY


def lets_through(rule: Rule, entry: Entry) -> bool:
    """Whether Envoy's tap may have let a request through, by what the access log tells of it."""
    if isinstance(rule, AllOf):
        return all(lets_through(each, entry) for each in rule.of)
    if isinstance(rule, AnyOf):
        return any(lets_through(each, entry) for each in rule.of)
    if isinstance(rule, HeaderIs):
        return _TOLD[rule.name](entry.request) == rule.value if rule.name in _TOLD else True
    if isinstance(rule, HeaderIn) and rule.name == ":status" and entry.response is not None:
        return rule.start <= entry.response.status < rule.end
    return True


def _of_atom(atom: Atom) -> Rule:
    if atom.name == "status" and isinstance(atom.value, float | int):
        return _status(atom.sign, atom.value)
    name = _PSEUDO.get(atom.name)
    if name is None or atom.sign != "==" or not isinstance(atom.value, str):
        return ANY
    plain = atom.value.isascii() and atom.value.isprintable() and 0 < len(atom.value) <= MAX_TEXT
    return HeaderIs(name, atom.value) if plain else ANY


def _status(sign: str, value: float) -> Rule:
    """The statuses for which ``status SIGN value`` holds, as a range; an empty one holds for none,
    and is no rule of Envoy's."""
    ranges = {
        "==": (math.ceil(value), math.floor(value) + 1),
        ">=": (math.ceil(value), MAX_STATUS),
        ">": (math.floor(value) + 1, MAX_STATUS),
        "<=": (0, math.floor(value) + 1),
        "<": (0, math.ceil(value)),
    }
    start, end = ranges.get(sign, (0, 0))
    return HeaderIn(":status", start, end, response=True) if 0 <= start < end <= MAX_STATUS else ANY


def _count(rules: Iterable[Rule]) -> int:
    return sum(1 + _count(rule.of) if isinstance(rule, AllOf | AnyOf) else 1 for rule in rules)
