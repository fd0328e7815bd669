"""Forms and queries, in which names and values are percent-encoded, and forms of several parts.

``application/x-www-form-urlencoded`` is WHATWG URL, section 5; ``multipart/form-data`` RFC 7578.
A form stays a form: the mark is written ``[redacted+3f9a1c]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote_to_bytes

from tap.redact.context import Context
from tap.redact.marks import MARK, in_query
from tap.redact.values import Found

MAX_PART_HEADERS = 4_096  # bytes between the name of a part and its content
MAX_FIELDS = 5_000  # of one form; what comes after them is left out

_DISPOSITION = re.compile(
    rb"""content-disposition:[^\r\n]{0,400}?[;\s]name=(?:"((?:[^"\\\r\n]|\\.)*+)"?|([^\s;"]+))""",
    re.IGNORECASE,
)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_NEXT_PART = re.compile(rb"\r?\n--")
_UNSAFE = b"[]"  # what a mark has, and no form minds


def path(data: bytes, context: Context) -> bytes:
    """A request's path, or a URL: its query as a form, and what comes before it as text."""
    before, question, query = data.partition(b"?")
    before = b"/".join(_decoded(part, context) for part in before.split(b"/", MAX_FIELDS))
    before = _decoded_path(context.text(before, in_query), context)
    return before + question + form(query, context) if question else before


def _decoded_path(data: bytes, context: Context) -> bytes:
    """A secret may stand across slashes where only some of its characters are encoded."""
    if b"%" not in data or b"/" not in data.strip(b"/"):
        return data
    said = unquote_to_bytes(data)
    cleaned = context.text(said, in_query)
    return data if cleaned == said else quote(cleaned, safe=b"/+[]").encode()


def form(data: bytes, context: Context, cut: bool = False) -> bytes:
    """Fields by name, what their values hold once decoded, and patterns."""
    pairs = data.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        context.overflowed = True
        pairs.pop()
    if b"=" in data:
        *whole, last = pairs
        pairs = [*(_pair(one, context) for one in whole), _pair(last, context, cut)]
    return context.text(b"&".join(pairs), in_query, cut=cut)


def _pair(pair: bytes, context: Context, cut: bool = False) -> bytes:
    name, equals, value = pair.partition(b"=")
    if not value:
        return pair
    if context.scanner.parameters.matches(_plain(name)):
        return name + equals + (value if MARK.fullmatch(value) else _marked(value, context))
    return name + equals + _decoded(value, context, cut)


def _marked(value: bytes, context: Context) -> bytes:
    return in_query(context.learn(_plain(value)), len(value))


def _decoded(value: bytes, context: Context, cut: bool = False) -> bytes:
    """``value`` as it is, unless there is a secret in what it says."""
    if b"%" not in value and b"+" not in value:
        return value
    said = _plain(value)
    cleaned = context.text(said, cut=cut)
    return value if cleaned == said else quote_plus(cleaned, safe=_UNSAFE).encode()


def _plain(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def parts(data: bytes, context: Context) -> Iterator[Found]:
    """The values of a multipart's parts that have the name of a secret."""
    for number, disposition in enumerate(_DISPOSITION.finditer(data)):
        if number >= MAX_FIELDS:
            context.overflowed = True
            yield Found(disposition.start(), len(data))
            return
        name = disposition[1] if disposition[1] is not None else disposition[2]
        if not context.scanner.parameters.matches(_plain(name)):
            continue
        blank = _BLANK_LINE.search(data, disposition.end(), disposition.end() + MAX_PART_HEADERS)
        if blank is None:
            continue
        end = _NEXT_PART.search(data, blank.end())
        stop = end.start() if end else len(data)
        if stop > blank.end():
            yield Found(blank.end(), stop)
