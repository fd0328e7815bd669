"""Rules made ready for exchanges: which fields are secrets, and the scanner for all else."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import cached_property

from tap.redact.rules import Rules
from tap.redact.scan import Scanner

MAX_NAMES = 4_096  # of fields, remembered with what they are

PLAIN, SECRET, ABOUT = range(3)  # a field: nothing special, a secret, or about the body
_ABOUT = (
    "content-type",
    "content-encoding",
    "grpc-encoding",
    "upgrade",
    "sec-websocket-extensions",
)


class Ready:
    """Rules made ready for exchanges."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.names: dict[str, int] = {}  # what a field is, by its name
        self._secret, self._kept = _globs(rules.headers), _globs(rules.keep)

    @cached_property
    def scanner(self) -> Scanner:
        """Made when it is needed: it takes some milliseconds."""
        return Scanner(self._rules)

    def is_secret(self, name: str) -> bool:
        lowered = name.lower()
        return self._secret.match(lowered) is not None and self._kept.match(lowered) is None

    def what_is(self, name: str) -> int:
        """PLAIN, SECRET or ABOUT."""
        what = self.names.get(name)
        return self.learn(name) if what is None else what

    def learn(self, name: str) -> int:
        """What the field ``name`` is."""
        if len(self.names) >= MAX_NAMES:
            self.names.clear()
        about = ABOUT if name.lower() in _ABOUT else PLAIN
        what = SECRET if self.is_secret(name) else about
        self.names[name] = what
        return what


def _globs(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(name.lower()) for name in names) or "(?!)")


def as_bytes(text: str) -> bytes:
    """A field's text as it came (``Headers.of_bytes``)."""
    return text.encode("utf-8", "surrogateescape")


def as_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
