"""JSON: laid out as it came, be it whole, several documents in a row, or cut off.

The layout changes blanks only, so that numbers keep their digits and a name that comes twice is
seen twice. What is cut off is closed where it ends, so that its beginning is a value all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tap.content.nouns import Content, Decode, Undecodable, View
from tap.content.text import decoded_text

MAX_TOKENS = 50_000  # laid out
MAX_DOCUMENTS = 1_000  # in a row
INDENT = 2
MAX_INDENTED = 40  # levels; what is deeper is not moved further to the right

_TOKEN = re.compile(
    r'[ \t\n\r]*+(?:(?P<text>"[^"\\]*+(?:\\.[^"\\]*+)*+")'
    r"|(?P<word>-?\d[\d.eE+-]*+|true|false|null)|(?P<mark>[{}\[\],:]))",
    re.DOTALL,
)
_CLOSERS = {"{": "}", "[": "]"}
_Stack = tuple[str, "_Stack"] | None  # the closers that are due, the next one first


@dataclass(frozen=True, slots=True)
class _Closed:
    """A prefix that can be closed to a value: its length, and what closes it."""

    at: int = 0
    stack: _Stack = None

    def text(self, text: str) -> str:
        closers, stack = [], self.stack
        while stack is not None:
            closer, stack = stack
            closers.append(closer)
        return text[: self.at] + "".join(closers)


def json_view(content: Content, decode: Decode) -> View:
    """One document, or several in a row (RFC 7464, NDJSON). Raises Undecodable."""
    text, notes = decoded_text(content)
    try:
        return View("json", laid_out(text)[0], _loads(text), notes)
    except RecursionError:
        return View("json", laid_out(text)[0], notes=(*notes, "nested too deep for a value"))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return _documents(text, content.cut, notes)
        if content.cut:
            return _cut(text, notes)
        raise Undecodable(f"no JSON: {error}") from error
    except ValueError as error:
        raise Undecodable(f"no JSON: {error}") from error


def json_lines(content: Content, decode: Decode) -> View:
    """Documents in a row, one a line or after a record separator. Raises Undecodable."""
    text, notes = decoded_text(content)
    return _documents(text.replace("\x1e", ""), content.cut, notes)


def laid_out(text: str) -> tuple[str, _Closed]:
    """``text`` with ends of lines and indents; where it could be closed, if it were cut off."""
    layout = _Layout(text)
    return "".join(layout.pieces()), layout.closed


class _Layout:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._stack: _Stack = None
        self._depth = 0
        self._before = ""  # the mark before, "" where it was a value
        self._first = True
        self.closed = _Closed()

    def pieces(self) -> Iterator[str]:
        for _ in range(MAX_TOKENS):
            found = _TOKEN.match(self._text, self._at)
            if found is None:
                break
            self._at = found.end()
            if (mark := found["mark"]) is None:
                yield self._break() + (found["text"] or found["word"])
                self._value(found["text"] is None)
            else:
                yield self._mark(mark)
        if rest := self._text[self._at :].strip():
            yield self._break() + rest

    def _value(self, is_word: bool) -> None:
        is_key = self._before in ("{", ",") and self._stack is not None and self._stack[0] == "}"
        may_go_on = is_word and self._at == len(self._text)
        self._before = ""
        if not is_key and not may_go_on:
            self.closed = _Closed(self._at, self._stack)

    def _mark(self, mark: str) -> str:
        if mark in _CLOSERS:
            before = self._break()
            self._stack = (_CLOSERS[mark], self._stack)
            self._depth += 1
            self._before = mark
            self.closed = _Closed(self._at, self._stack)
            return before + mark
        if mark in "}]":
            return self._close(mark)
        self._before = mark
        return mark

    def _close(self, mark: str) -> str:
        empty = self._before in _CLOSERS
        if self._stack is not None:
            self._stack = self._stack[1]
            self._depth -= 1
        self._before = ""
        self.closed = _Closed(self._at, self._stack)
        return mark if empty else self._line() + mark

    def _break(self) -> str:
        """What comes before a value."""
        first, self._first = self._first, False
        if self._before == ":":
            return " "
        return "" if first else self._line()

    def _line(self) -> str:
        return "\n" + " " * (INDENT * min(self._depth, MAX_INDENTED))


def _cut(text: str, notes: tuple[str, ...]) -> View:
    """What the beginning of a document says."""
    shown, closed = laid_out(text)
    try:
        value = _loads(closed.text(text))
    except (ValueError, RecursionError) as error:
        if not text.lstrip().startswith(("{", "[", '"')):
            raise Undecodable(f"no JSON: {error}") from error
        return View("json", shown, notes=(*notes, "cut off: no value could be made of it"))
    return View("json", shown, value, (*notes, "cut off: the value is what came until there"))


def _documents(text: str, cut: bool, notes: tuple[str, ...]) -> View:
    values: list[Any] = []
    shown: list[str] = []
    decoder = json.JSONDecoder(parse_constant=_refused)
    at = 0
    while (at := _blanks(text, at)) < len(text) and len(values) < MAX_DOCUMENTS:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            if not values:
                raise Undecodable(f"no JSON: {error}") from error
            reason = "is cut off" if cut else f"is no JSON: {error}"
            notes = (*notes, f"document {len(values) + 1} {reason}")
            shown.append(text[at:])
            break
        values.append(value)
        shown.append(text[at:end])
        at = end
    else:
        if at < len(text):
            notes = (*notes, f"only the first {MAX_DOCUMENTS:,} documents are shown")
    return View("json lines", "\n".join(shown), values, notes)


def _blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_refused)


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")  # RFC 8259, section 6
