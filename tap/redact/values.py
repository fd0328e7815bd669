"""Where the value ends that follows a name: in JSON, also escaped in a string, or in plain text.

What can't be told for sure ends later rather than earlier.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tap.redact.json_text import leaves_of

MAX_NAME = 64  # bytes of a name that are looked at

_TAIL = re.compile(rb"""(?:\]|%5[dD])?+(\\*["'])?\s*([:=])[=>]?\s*\Z""")
_OPENING = re.compile(rb"""(\\*)(["'])""")
_STRINGS = {
    b'"': re.compile(rb'"((?:[^"\\]|\\.)*+)', re.DOTALL),
    b"'": re.compile(rb"'((?:[^'\\]|\\.)*+)", re.DOTALL),
}
_SCHEME = rb"(?:(?:bearer|basic|digest|negotiate|token|apikey)(?:[ \t]|\+|%20)+)?+"
_JSON_BARE = re.compile(rb"""[^\s,}\]"'\\]+""")
_WORD = re.compile(_SCHEME + rb"""[^\s&"'<>\\]+""", re.IGNORECASE)
_LINE = re.compile(rb"[^\r\n]+")
_STRING_LINE = re.compile(rb"""[^\r\n"\\<]+""")  # a line in a string, where \r\n is written out
_NOTHING = frozenset((b"true", b"false", b"null", b"none", b"undefined", b"nil"))
_NAME_BACKWARDS = re.compile(rb"[\w.$%-]*")
_BRACKETS = re.compile(rb"[{}\[\]]")
_INDENT = 64  # bytes; what is indented further begins no line
_WHOLE_LINE = re.compile(rb"(?:authorization|cookie2?)\Z", re.IGNORECASE)  # values of many words


class Found(NamedTuple):
    """A secret at ``start`` to ``end``; ``quote`` goes around its mark where it stood bare."""

    start: int
    end: int
    quote: bytes = b""


class Key(NamedTuple):
    """A name that ends at ``end``, and what stands between it and its value."""

    end: int
    quote: bytes  # \\" of an escaped string, " or ', or nothing
    colon: bool

    @classmethod
    def of(cls, data: bytes, start: int, end: int) -> Key | None:
        """The key in the match from ``start`` to ``end``, which is where its value begins."""
        tail = _TAIL.search(data, start, end)
        if tail is None:
            return None
        return cls(tail.start(), tail[1] or b"", tail[2] == b":")

    def name(self, data: bytes) -> bytes:
        """All of it: what was found may be its last word."""
        found = _NAME_BACKWARDS.match(data[max(0, self.end - MAX_NAME) : self.end][::-1])
        return found[0][::-1] if found else b""


def value_of(data: bytes, key: Key, at: int, markup: bool) -> tuple[list[Found], int]:
    """The secrets in the value at ``at``, and where it ends.

    ``markup``: HTML or a script, in which much looks like a name and its value.
    """
    opening = _OPENING.match(data, at)
    if opening is not None:
        return _quoted(data, at, opening)
    if key.quote and data[at : at + 1] in (b"{", b"["):
        return _container(data, at, key.quote)
    if key.quote and key.colon:
        return _bare(data, at, _JSON_BARE, key.quote)
    start = key.end - len(key.name(data))
    if markup and data[max(0, start - 1) : start] not in (b"?", b"&", b";", b"#"):
        return [], at
    return _bare(data, at, _text_value(data, key, start))


def _text_value(data: bytes, key: Key, start: int) -> re.Pattern[bytes]:
    if not key.colon:
        return _WORD
    if _begins_line(data, start):
        return _LINE
    return _STRING_LINE if _WHOLE_LINE.search(data, start, key.end) else _WORD


def _begins_line(data: bytes, start: int) -> bool:
    before = data[max(0, start - _INDENT) : start]
    _, line_end, indent = before.rpartition(b"\n")
    return bool(line_end or start <= _INDENT) and not indent.strip(b" \t-")


def _bare(
    data: bytes, at: int, value: re.Pattern[bytes], quote: bytes = b""
) -> tuple[list[Found], int]:
    found = value.match(data, at)
    if found is None or found[0].strip().lower() in _NOTHING:
        return [], at
    end = at + len(found[0].rstrip())
    return ([Found(at, end, quote)] if end > at else []), end


def _quoted(data: bytes, at: int, opening: re.Match[bytes]) -> tuple[list[Found], int]:
    if not opening[1]:
        inner = _STRINGS[opening[2]].match(data, at)
        start, end = inner.span(1) if inner else (at, at)
    else:
        start, end = opening.end(), _closing(data, opening.end(), opening[0])
    return ([Found(start, end)] if end > start else []), max(end, at)


def _closing(data: bytes, at: int, quote: bytes) -> int:
    """Where a string ends that began with ``quote``, which has backslashes: not at one more."""
    while (found := data.find(quote, at)) >= 0:
        if data[found - 1 : found] != b"\\":
            return found
        at = found + len(quote)
    return len(data)


def _container(data: bytes, at: int, quote: bytes) -> tuple[list[Found], int]:
    if quote == b'"':
        leaves, end = leaves_of(data, at)
        return [Found(*one[:2], b"" if one[2] else quote) for one in leaves], end
    end = _container_end(data, at, quote)
    return [Found(at, end, quote)], end


def _container_end(data: bytes, at: int, quote: bytes) -> int:
    """Of a list or object whose strings are in ``quote``: escaped, inside a string itself."""
    depth = 0
    while at < len(data):
        opening = data.find(quote, at)
        stop = opening if opening >= 0 else len(data)
        for bracket in _BRACKETS.finditer(data, at, stop):
            depth += 1 if bracket[0] in b"{[" else -1
            if depth == 0:
                return bracket.end()
        at = len(data) if opening < 0 else _closing(data, stop + len(quote), quote) + len(quote)
    return len(data)
