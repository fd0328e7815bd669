"""One exchange being redacted: its rules made ready, its marks, and the secrets found so far."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tap.redact.json_text import unescaped
from tap.redact.marks import ANY_MARK, Marker, Render, plain, same_length
from tap.redact.scan import Scanner, TooMany
from tap.redact.values import Found

MAX_KEPT = 10_000  # bytes of a secret that is looked for elsewhere: a longer one is no token

_ESCAPE = re.compile(  # a run of others first, to be passed over at once
    rb"(?:\\(?:[^u/]|u(?!00[2-7])))++|\\(?:u00([2-7][0-9a-fA-F])|.)", re.DOTALL
)


@dataclass(slots=True)
class Context:
    """``secrets``: values and their marks. ``overflowed``: too many to look at all of them."""

    scanner: Scanner
    marker: Marker
    secrets: dict[bytes, bytes] = field(default_factory=dict)
    overflowed: bool = False

    def found(
        self, data: bytes, markup: bool = False, cut: bool = False
    ) -> tuple[bytes, list[Found]]:
        """``data``, or what of it could be looked through, and the secrets in it."""
        try:
            return data, self.scanner.found(data, markup, cut)
        except TooMany as many:
            self.overflowed = True
            return data[: many.at], many.found

    def text(
        self, data: bytes, render: Render = plain, markup: bool = False, cut: bool = False
    ) -> bytes:
        """``data`` with marks for what the rules find in it as text."""
        data, found = self.found(data, markup, cut)
        return self.replaced(data, found, render) if found else data

    def replaced(self, data: bytes, found: Iterable[Found], render: Render) -> bytes:
        """``data`` with a mark for each of ``found``; of two that overlap, the first."""
        pieces: list[bytes] = []
        at = 0
        for one in sorted(found, key=lambda one: (one.start, -one.end)):
            if one.start < at:
                continue
            pieces += (data[at : one.start], self._mark(data, one, render))
            at = one.end
        return b"".join((*pieces, data[at:]))

    def _mark(self, data: bytes, one: Found, render: Render) -> bytes:
        value = data[one.start : one.end]
        if value[:1] in (b"[", b"*") and ANY_MARK.fullmatch(value):
            return value
        mark = self.learn(unescaped(value))
        if not one.quote:
            return render(mark, len(value))
        room = len(value) - 2 * len(one.quote)
        if render is same_length and room < 0:
            return b"0" * len(value) if len(value) == 1 else b" " * len(value)
        return one.quote + render(mark, room) + one.quote

    def learn(self, value: bytes) -> bytes:
        """The mark of ``value``, which is a secret from now on, wherever it stands."""
        mark = self.marker.mark(value)
        if len(value) <= MAX_KEPT:
            self.secrets[value] = mark
        return mark


def without_escapes(data: bytes) -> bytes:
    """JSON with ``\\/`` and ``\\u0041`` as ``/`` and ``A``: the same strings, but to be read."""
    if b"\\" not in data:
        return data
    return _ESCAPE.sub(_unescape, data)


def _unescape(found: re.Match[bytes]) -> bytes:
    if found[1] is None:
        return b"/" if found[0] == b"\\/" else found[0]
    character = bytes((int(found[1], 16),))
    return found[0] if character in b'"\\\x7f' else character
