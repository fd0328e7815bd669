"""Rules made ready for exchanges: which fields are secrets, and the scanner for all else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

from tap.redact.rules import Rules
from tap.redact.scan import Scanner

MAX_NAMES = 4_096  # of fields, remembered with what they are
MAX_LAYOUTS = 1_024  # of messages

PLAIN, SECRET, ABOUT = range(3)  # a field: nothing special, a secret, or about the body
_ABOUT = (
    "content-type",
    "content-encoding",
    "grpc-encoding",
    "upgrade",
    "sec-websocket-extensions",
)


class Layout(NamedTuple):
    """What the fields of a message are, by their names: messages of one kind have the same ones.

    ``plain`` picks the values to search, ``secrets`` are places. ``type_at`` is the place of the
    media type, if there is one; ``more`` is said about the body than that.
    """

    plain: Callable[[tuple[str, ...]], Iterable[str]]
    secrets: tuple[int, ...]
    type_at: int | None
    more: bool


class Ready:
    """Rules made ready for exchanges."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.names: dict[str, int] = {}  # what a field is, by its name
        self.layouts: dict[tuple[str, ...], Layout] = {}
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

    def lay_out(self, names: tuple[str, ...]) -> Layout:
        """The layout of a message whose fields have these names."""
        if len(self.layouts) >= MAX_LAYOUTS:
            self.layouts.clear()
        kinds = [self.what_is(name) for name in names]
        plain, secrets, about = (
            [at for at, kind in enumerate(kinds) if kind == wanted]
            for wanted in (PLAIN, SECRET, ABOUT)
        )
        types = [at for at in about if names[at].lower() == "content-type"]
        layout = Layout(
            _picked(plain, len(names)),
            tuple(secrets),
            types[0] if types else None,
            more=len(about) > 1 or types != about,
        )
        self.layouts[names] = layout
        return layout


def _picked(places: list[int], count: int) -> Callable[[tuple[str, ...]], Iterable[str]]:
    """What picks the values at ``places`` of ``count``."""
    if len(places) == count:
        return tuple
    if len(places) > 1:
        return itemgetter(*places)
    return itemgetter(slice(places[0], places[0] + 1) if places else slice(0))


def _globs(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(name.lower()) for name in names) or "(?!)")


def as_bytes(text: str) -> bytes:
    """A field's text as it came (``Headers.of_bytes``)."""
    return text.encode("utf-8", "surrogateescape")


def as_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
