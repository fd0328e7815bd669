"""The words that a filter knows: what it asks for, and what its configuration speaks of.

Requests made of them get deeper into it than any others would.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from wasm_filters.errors import BadPointer
from wasm_filters.hostcalls import Hostcall
from wasm_filters.machine import Listener
from wasm_filters.state.host import Host

MAX_WORDS = 500  # of each kind

_KEYED = (
    "proxy_get_header_map_value",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,60}")
_WORD = re.compile(r"[\x21-\x7e]{1,60}")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PROPERTY = ("request", "headers")


@dataclass(slots=True)
class Vocabulary:
    """``names`` of fields, ``paths``, and ``values`` that a field may have, each in the order in
    which it was met.
    """

    names: dict[str, None] = field(default_factory=dict)
    paths: dict[str, None] = field(default_factory=dict)
    values: dict[str, None] = field(default_factory=dict)

    def read_configuration(self, data: bytes) -> None:
        """Every text in quotes, or every word where there are none."""
        text = data.decode(errors="replace")
        for word in _QUOTED.findall(text) or text.split():
            self.add(word)

    def add(self, word: str) -> None:
        if word.startswith("/"):
            _keep(self.paths, word, _WORD)
        else:
            _keep(self.names, word.lower(), _NAME)
            _keep(self.values, word, _WORD)

    def add_name(self, name: str) -> None:
        _keep(self.names, name.lower(), _NAME)

    def add_property(self, path: Iterable[str]) -> None:
        """``request.headers.x-plan`` asks for a field, too."""
        family, kind, *name = [*path, "", ""][:3]
        if (family, kind) == _PROPERTY:
            self.add_name("".join(name))


def _keep(words: dict[str, None], word: str, pattern: re.Pattern[str]) -> None:
    if len(words) < MAX_WORDS and pattern.fullmatch(word):
        words.setdefault(word)


class Ear(Listener):
    """A Listener that fills a vocabulary with what a filter asks for."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def called(self, name: str, arguments: tuple[int, ...], host: Host) -> None:
        """Callbacks ask for nothing."""

    def returned(self, name: str, result: int | None, host: Host) -> None:
        """Nor do their answers."""

    def hostcall(self, call: Hostcall, arguments: tuple[int, ...], host: Host) -> None:
        try:
            if call.name in _KEYED:
                self._vocabulary.add_name(_text(host, arguments[1:3]))
            elif call.name == "proxy_get_property":
                self._vocabulary.add_property(_text(host, arguments[:2]).split("\0"))
        except BadPointer:
            return  # the filter is told so

    def answered(self, call: Hostcall, arguments: tuple[int, ...], status: int, host: Host) -> None:
        """What it is told is ours."""


def _text(host: Host, place: tuple[int, ...]) -> str:
    return host.memory.read(*place).decode(errors="replace")
