"""JSON values and texts: where they differ, path by path and line by line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile, zip_longest
from typing import Any

from tap.compare.nouns import Difference, cut, shown
from tap.compare.rules import Rules
from tap.redact.paths import States

# Lines that are aligned, without those that are the same at both ends: that takes time that grows
# with their cube, if somebody wants it to (200: 0.1 s). Of more each is compared with its number's.
MAX_ALIGNED = 200

_PLAIN = re.compile(r"[^\W\d]\w*")
_PART = "body"


class Values:
    """``partly``: the first value is the beginning of one, so what it lacks says nothing."""

    def __init__(self, rules: Rules, partly: bool = False) -> None:
        self._rules = rules
        self._partly = partly

    def differ(self, before: Any, after: Any) -> Iterator[Difference]:
        """Objects by names, lists by position, lists of pairs of texts as headers, all else as it
        is. Values are at most as deep as
        :mod:`tap.content` gives them."""
        yield from self._walk(before, after, "$", "", self._rules.paths.start)

    def _walk(
        self, before: Any, after: Any, path: str, name: str, states: States
    ) -> Iterator[Difference]:
        if isinstance(before, dict) and isinstance(after, dict):
            for key in dict.fromkeys([*before, *after]):
                below = self._rules.paths.step(states, key.encode("utf-8", "replace"))
                yield from self._item(before, after, key, _named(path, key), key, below)
        elif _are_fields(before) and _are_fields(after):
            yield from self._fields(before, after, path, states)
        elif isinstance(before, list) and isinstance(after, list):
            old, new = dict(enumerate(before)), dict(enumerate(after))
            for at in range(max(len(before), len(after))):
                below = self._rules.paths.step(states, at)
                yield from self._item(old, new, at, f"{path}[{at}]", name, below)
        elif not _equal(before, after):
            yield self._one(before, after, path, name, states)

    def _fields(
        self, before: list[list[str]], after: list[list[str]], path: str, states: States
    ) -> Iterator[Difference]:
        """Pairs of names and values, as services tell of headers: by name, as headers are."""
        left, right = grouped(before), grouped(after)
        for name in dict.fromkeys([*left, *right]):
            old, new = left.get(name, []), right.get(name, [])
            if old == new or (self._partly and not old):
                continue
            at = _named(path, name)
            rule = self._by_path(
                at, self._rules.paths.step(states, name.encode("utf-8", "replace"))
            )
            rule = rule or self._rules.of_header(name)
            if not rule and old and new:
                rule = self._rules.of_texts("\n".join(old), "\n".join(new))
            yield Difference(_PART, at, _shown_fields(old), _shown_fields(new), rule)

    def _item(
        self, old: Any, new: Any, key: Any, path: str, name: str, states: States
    ) -> Iterator[Difference]:
        """What is under ``key`` of both, if both have it."""
        if key in old and key in new:
            yield from self._walk(old[key], new[key], path, name, states)
        elif key in old or not self._partly:
            before = shown(old[key]) if key in old else None
            after = shown(new[key]) if key in new else None
            yield Difference(_PART, path, before, after, self._by_path(path, states))

    def _one(self, before: Any, after: Any, path: str, name: str, states: States) -> Difference:
        rule = self._by_path(path, states) or self._rules.of_values(name, before, after)
        return Difference(_PART, path, shown(before), shown(after), rule)

    def _by_path(self, path: str, states: States) -> str:
        return path if self._rules.paths.reached(states) else ""


def lines_differ(before: str, after: str, rules: Rules, partly: bool) -> Iterator[Difference]:
    """Line by line; a line that is only on one side is None on the other. ``at`` is the number of
    the line in the first text, or where it would stand."""
    old, new = before.splitlines(), after.splitlines()
    if partly:  # the last line that was kept may be a part of one
        old, new = old[:-1], new[: max(0, len(old) - 1)]
    for at, one, other in _pairs(old, new):
        rule = rules.of_texts(one, other) if one is not None and other is not None else ""
        yield Difference(_PART, f"line {at + 1}", _cut(one), _cut(other), rule)


def _pairs(old: list[str], new: list[str]) -> Iterator[tuple[int, str | None, str | None]]:
    start = _same(zip(old, new, strict=False))
    end = _same(zip(reversed(old[start:]), reversed(new[start:]), strict=False))
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    for a, b, c, d in _changed(old, new):
        for at, (one, other) in enumerate(zip_longest(old[a:b], new[c:d]), start + a):
            if one != other:
                yield at, one, other


def _same(pairs: Iterable[tuple[str, str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _changed(old: list[str], new: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """The ranges of both that are not the same."""
    if max(len(old), len(new)) > MAX_ALIGNED:
        yield 0, len(old), 0, len(new)
        return
    for what, *ranges in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what != "equal":
            yield ranges[0], ranges[1], ranges[2], ranges[3]


def grouped(fields: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    """Pairs by name, with the values of each in their order."""
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return found


def _are_fields(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, list) and len(one) == 2 for one in value)
        and all(isinstance(text, str) for one in value for text in one)
    )


def _shown_fields(values: list[str]) -> str | None:
    return " | ".join(map(shown, values)) if values else None


def _cut(line: str | None) -> str | None:
    return None if line is None else cut(line)


def _named(path: str, key: str) -> str:
    return f"{path}.{key}" if _PLAIN.fullmatch(key) else f"{path}[{shown(key)}]"


def _equal(before: Any, after: Any) -> bool:
    """As JSON has it: 1 and 1.0 are one number, and true is none."""
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    return bool(before == after)
