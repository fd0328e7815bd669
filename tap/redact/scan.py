"""Secrets in bytes, wherever they stand: names with their values, and patterns.

One expression looks for all of it at once. Most bodies hold nothing, and then that is all there is
to do; what it finds is looked at one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from tap.redact.checks import CHECKS
from tap.redact.linear import AnyOf, Match, Regex, any_of, regex
from tap.redact.names import BOUNDARY, Names, element, expression
from tap.redact.paths import Paths
from tap.redact.pattern import Pattern
from tap.redact.rules import Rules
from tap.redact.values import Found, Key, value_of

MAX_FOUND = 5_000  # candidates in one text; what comes after them is left out

_AFTER = r"""(?:\]|%5[dD])?(?:\\*["'])?\s*[:=][=>]?\s*"""  # a name: what closes it, and : or =
_ESCAPED = r"\\(?:u00[2-7]|/)"  # JSON in which a name or a token may be written in another way
_BOUNDARIES = (BOUNDARY, r"(?:^|\D)", r"\b", r"(?:^|[^\w.])")  # in what is looked for
_NEVER = r"[^\x00-\xff]"
_EQUALS = r"(?:\]|%5[dD])?="
_GROUP = re.compile(r"\(\?P?<\w+>")
_CONTENT = re.compile(rb"[^<]+")
_JSON_BEFORE, _JSON_AFTER = re.compile(rb"[:\[,]\s{0,16}\Z"), re.compile(rb"\s*[,\]}]")


class TooMany(Exception):
    """More than MAX_FOUND candidates; what stands before ``at`` has been looked through."""

    def __init__(self, at: int, found: list[Found]) -> None:
        self.at = at
        self.found = found
        super().__init__(f"more than {MAX_FOUND:,} possible secrets")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A pattern in the expression: its group there, and the group that is the secret."""

    group: int
    secret: int
    check: str


class Scanner:
    """``rules`` made ready. ``suspicious`` is quick, ``found`` is exact."""

    def __init__(self, rules: Rules) -> None:
        self.names = Names(rules.names, rules.keep)
        self.parameters = Names((*rules.names, *rules.parameters), rules.keep)
        self.paths = Paths(rules.paths)
        self._keeps = bool(rules.keep)
        self._kinds: list[_Kind] = []
        self._regex = self._compile(rules)
        parameters = rules.parameters
        self._fields = [f"{expression(parameters)}{_EQUALS}"] if parameters else []
        self._cuts = [_Cut.of(one) for one in rules.patterns if one.beginning]

    def _compile(self, rules: Rules) -> Regex:
        """Group 1 is a name before its value, group 2 a start tag; then come the patterns."""
        names, tags = (
            (expression(rules.names), element(rules.names)) if rules.names else (_NEVER,) * 2
        )
        parts = [f"({names}{_AFTER})", f"({tags})"]
        group = len(parts) + 1
        for pattern in rules.patterns:
            one = regex(pattern.regex)
            secret = group + one.groupindex.get(b"secret", 0)
            self._kinds.append(_Kind(group, secret, pattern.check))
            parts.append(f"({_GROUP.sub('(', pattern.regex)})")
            group += one.groups + 1
        self._all = "|".join(parts)
        return regex(self._all)

    @cached_property
    def _any(self) -> AnyOf:
        return any_of((self._all, _ESCAPED, *self._fields))

    @cached_property
    def _anywhere(self) -> AnyOf:
        loose = self._all
        for boundary in _BOUNDARIES:
            loose = loose.replace(boundary, "")
        return any_of((loose,))

    def suspicious(self, data: bytes) -> bool:
        """Whether ``data`` holds anything that has to be looked at."""
        return self._any(data)

    def suspicious_anywhere(self, data: bytes) -> bool:
        """The same, where a byte before a secret may be a length and look like its boundary."""
        return self._anywhere(data)

    def found(self, data: bytes, markup: bool = False, cut: bool = False) -> list[Found]:
        """The secrets in ``data``, in their order; ``cut``: its end is missing. Raises TooMany."""
        found: list[Found] = []
        at = 0
        for _ in range(MAX_FOUND):
            match = self._regex.search(data, at)
            if match is None:
                return [*found, *self._beginning(data, found)] if cut else found
            new, on = self._look(data, match, markup)
            found += new
            at = max(on, at + 1)  # a pattern may match nothing, at a boundary
        raise TooMany(at, found)

    def _look(self, data: bytes, match: Match, markup: bool) -> tuple[list[Found], int]:
        """The secrets in what ``match`` begins, and where to look on."""
        if match.start(1) >= 0:
            end = match.end()
            key = Key.of(data, match.start(), end)
            if key is None or (self._keeps and self.names.kept(key.name(data))):
                return [], end
            return value_of(data, key, end, markup)
        if match.start(2) >= 0:
            content = _CONTENT.match(data, match.end())
            if content is None or not content[0].strip():
                return [], match.end()
            return [Found(*content.span())], content.end()
        kind = next(one for one in self._kinds if match.start(one.group) >= 0)
        secret = kind.secret if match.start(kind.secret) >= 0 else kind.group
        return _checked(data, match.start(secret), match.end(secret), kind.check)

    def _beginning(self, data: bytes, found: list[Found]) -> list[Found]:
        """The secret that begins at the end of ``data``, after those that were ``found``."""
        at = found[-1].end if found else 0
        starts = [cut.search(data, at) for cut in self._cuts]
        start = min((one for one in starts if one >= 0), default=-1)
        return [Found(start, len(data))] if start >= 0 else []


@dataclass(frozen=True, slots=True)
class _Cut:
    """The beginning of a pattern at the end of a text."""

    regex: Regex
    group: int

    @classmethod
    def of(cls, pattern: Pattern) -> _Cut:
        compiled = regex(rf"(?:{pattern.beginning})\z")
        return cls(compiled, compiled.groupindex.get(b"secret", 0))

    def search(self, data: bytes, at: int) -> int:
        found = self.regex.search(data, at)
        return found.start(self.group) if found else -1


def _checked(data: bytes, start: int, end: int, check: str) -> tuple[list[Found], int]:
    if start == end:
        return [], end
    if check:
        secret, on = CHECKS[check](data, start, end)
        if not secret:
            return [], on
    bare = data[start:end].isdigit() and _is_json_number(data, start, end)
    return [Found(start, end, b'"' if bare else b"")], end


def _is_json_number(data: bytes, start: int, end: int) -> bool:
    before = _JSON_BEFORE.search(data, max(0, start - 17), start)
    return before is not None and _JSON_AFTER.match(data, end) is not None
