"""The door to RE2: regular expressions whose time grows with the text and no faster.

Python's own ``re`` backtracks: one pattern with nested quantifiers and a body made for it would
hold up the hub for minutes. RE2 is also what Envoy has, so a pattern here means what it means in a
route (``debugger/routing`` decides with it), and reads them the same way. Everything is bytes:
``\\w`` and its like are ASCII, and no byte is invalid.
https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import re2

MAX_MEMORY = 32 * 1024 * 1024  # bytes of one automaton; beyond it RE2 is slower, not wrong


class Match(Protocol):
    """Places in bytes; -1 where a group is not part of the match."""

    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...


class Regex(Protocol):
    """``pos`` counts as the beginning of the text: ``^`` and ``\\b`` do not look back."""

    @property
    def groups(self) -> int: ...
    @property
    def groupindex(self) -> dict[bytes, int]: ...
    def search(self, text: bytes, pos: int = 0) -> Match | None: ...
    def fullmatch(self, text: bytes) -> Match | None: ...


AnyOf = Callable[[bytes], bool]


class RegexError(ValueError):
    """No regular expression as RE2 has them; the message is RE2's."""


def regex(pattern: str) -> Regex:
    """Raises RegexError."""
    try:
        compiled: Regex = re2.compile(pattern.encode("utf-8", "surrogateescape"), _options())
    except re2.error as error:
        raise RegexError(_text(error)) from error
    return compiled


def any_of(patterns: Iterable[str]) -> AnyOf:
    """The quickest way to see whether a text holds any of ``patterns``, which ``regex`` takes."""
    found = re2.Set.SearchSet(_options())
    for pattern in patterns:
        found.Add(pattern.encode("utf-8", "surrogateescape"))
    found.Compile()
    match: Callable[[bytes], list[int] | None] = found.Match
    return lambda text: bool(match(text))


def _options() -> re2.Options:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    return options


def _text(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
