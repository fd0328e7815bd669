"""A pattern: what a secret looks like wherever it stands, and what else has to hold for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tap.redact.checks import CHECKS
from tap.redact.linear import Regex, RegexError, regex

MAX_LENGTH = 1_000  # characters of one expression

_LITERAL = re.compile(r"[A-Za-z0-9_\- ]+")
_QUANTIFIERS = ("*", "?", "{", "+", "|")


class PatternError(ValueError):
    """A pattern that can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """``regex`` is RE2's; the secret is its group ``secret``, or all of it where it has none.

    ``cut`` is what a beginning of the secret looks like at the end of a body that was cut off;
    where it is "" and ``regex`` begins with three plain characters or more, those and what
    follows them.
    ``check`` names one of ``checks.CHECKS``. Raises PatternError.
    """

    name: str
    regex: str
    cut: str = ""
    check: str = ""

    def __post_init__(self) -> None:
        if self.check and self.check not in CHECKS:
            raise PatternError(f"unknown check {self.check!r}, expected one of {sorted(CHECKS)}")
        if compiled(self.regex).search(b"") is not None:
            raise PatternError(
                f"{self.regex!r} matches an empty text, so it would match everywhere"
            )
        if self.cut:
            compiled(self.cut)

    @property
    def beginning(self) -> str:
        """``cut``, or what can be known of it; "" where nothing can."""
        if self.cut:
            return self.cut
        found = _LITERAL.match(self.regex)
        literal = found[0] if found else ""
        if self.regex[len(literal) : len(literal) + 1] in _QUANTIFIERS and literal:
            literal = literal[:-1]
        return rf"{re.escape(literal)}\S*" if len(literal) >= 3 and "|" not in self.regex else ""


def compiled(text: str) -> Regex:
    """Raises PatternError."""
    if len(text) > MAX_LENGTH:
        raise PatternError(f"has {len(text):,} characters, at most {MAX_LENGTH:,} are taken")
    try:
        return regex(text)
    except RegexError as error:
        raise PatternError(f"{text!r} is no RE2 expression: {error}") from error
