"""Which body is searched how: by its media type first, and else by its bytes.

``KINDS`` is the table. A type that nobody knows is text where the bytes are, and else binary: what
is found there is replaced at its length, so that no offset in it moves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tap.redact import forms
from tap.redact.context import Context, without_escapes
from tap.redact.json_text import TooDeep, at_paths
from tap.redact.marks import Render, in_query, plain, same_length
from tap.redact.opened import Opened, Told, grpc, grpc_web_text, is_text, websocket_frames, wide
from tap.redact.protobuf import Span, grpc_messages, message_spans
from tap.redact.values import Found
from tap.redact.websocket import frames

Clean = Callable[[Opened, Context], bytes]
Open = Callable[[Opened, Told], Opened]

_BOMS = {  # the longer ones first
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_WIDE = frozenset(mark[:2] for mark in _BOMS)
_CHARSET = re.compile(r"""charset\s*=\s*["']?(utf-?(?:16|32)[a-z]*)""", re.IGNORECASE)
_TEXTUAL = re.compile(r"text/|json|xml|charset")  # in whatever one-byte encoding
_STRUCTURED = (b"{", b"[", b'"', b"<")  # what a form does not begin with


@dataclass(frozen=True, slots=True)
class Kind:
    """``open`` gives what ``clean`` searches; marks are written as ``render`` says."""

    clean: Clean
    render: Render = plain
    open: Open | None = None


def _text(it: Opened, context: Context) -> bytes:
    return _as_text(it, context, markup=False)


def _markup(it: Opened, context: Context) -> bytes:
    return _as_text(it, context, markup=True)


def _as_text(it: Opened, context: Context, markup: bool) -> bytes:
    readable = without_escapes(it.data)
    kept, found = context.found(readable, markup, it.cut)
    found = [*found, *_at_paths(kept, context)]
    if found:
        return context.replaced(kept, found, plain)
    return it.data if len(kept) == len(readable) else kept


def _at_paths(data: bytes, context: Context) -> list[Found]:
    paths = context.scanner.paths
    if not paths.may_be_in(data):
        return []
    try:
        leaves = list(at_paths(data, paths))
    except TooDeep:
        context.overflowed = True
        return [Found(0, len(data))]
    return [Found(start, end, b"" if string else b'"') for start, end, string in leaves]


def _form(it: Opened, context: Context) -> bytes:
    return forms.form(it.data, context, it.cut)


def _multipart(it: Opened, context: Context) -> bytes:
    kept, found = context.found(it.data, cut=it.cut)
    named = list(forms.parts(kept, context))
    if not found and not named:
        return kept
    data = context.replaced(kept, named, plain)
    # offsets have no meaning in a multipart, but in a file that is a part of it
    render = plain if is_text(it.data, it.cut) else same_length
    return context.text(data, render, cut=it.cut)


def _binary(it: Opened, context: Context) -> bytes:
    return _in_spans(it, context, [(0, len(it.data))])


def _protobuf(it: Opened, context: Context) -> bytes:
    if not it.cut and not context.scanner.suspicious_anywhere(it.data):
        return it.data
    return _in_spans(it, context, message_spans(it.data, 0, len(it.data), it.cut))


def _grpc(it: Opened, context: Context) -> bytes:
    if not it.cut and not context.scanner.suspicious_anywhere(it.data):
        return it.data
    spans: list[Span] = []
    for _, start, end, cut in grpc_messages(it.data):
        spans += message_spans(it.data, start, end, cut)
    return _in_spans(it, context, [*spans, (0, len(it.data))])


def _websocket(it: Opened, context: Context) -> bytes:
    spans = [(frame.start, frame.end) for frame in frames(it.data)]
    return _in_spans(it, context, [*spans, (0, len(it.data))])


def _in_spans(it: Opened, context: Context, spans: list[Span]) -> bytes:
    """The data with what is found in each span marked at its length, one span after the other."""
    data = bytearray(it.data)
    for start, end in spans:
        piece = bytes(data[start:end])
        cut = it.cut and end == len(data)
        if cut or context.scanner.suspicious(piece):
            cleaned = context.text(piece, same_length, cut=cut)
            if len(cleaned) != len(piece):  # too much to look at
                return bytes(data[:start]) + cleaned
            data[start:end] = cleaned
    return bytes(data)


TEXT, MARKUP, BINARY = Kind(_text), Kind(_markup), Kind(_binary, same_length)
FORM, MULTIPART = Kind(_form, in_query), Kind(_multipart)
PROTOBUF, GRPC = Kind(_protobuf, same_length), Kind(_grpc, same_length, grpc)
GRPC_WEB_TEXT = Kind(_grpc, same_length, grpc_web_text)
WEBSOCKET = Kind(_websocket, same_length, websocket_frames)

KINDS: Mapping[str, Kind] = {
    "application/x-www-form-urlencoded": FORM,
    "multipart/": MULTIPART,
    "application/grpc-web-text": GRPC_WEB_TEXT,
    "application/grpc": GRPC,
    "application/connect+proto": GRPC,  # the same frames
    "application/proto": PROTOBUF,
    "application/protobuf": PROTOBUF,
    "application/x-protobuf": PROTOBUF,
    "application/vnd.google.protobuf": PROTOBUF,
    "text/html": MARKUP,
    "text/css": MARKUP,
    "text/javascript": MARKUP,
    "application/javascript": MARKUP,
    "application/x-javascript": MARKUP,
}


@lru_cache(maxsize=512)
def kind_of(media_type: str) -> Kind | None:
    """By the beginning of the media type, lower case; None: its bytes have to say."""
    return next((kind for start, kind in KINDS.items() if media_type.startswith(start)), None)


@lru_cache(maxsize=512)
def as_it_is(media_type: str) -> bool:
    """Whether a body of this type can be searched as it came: it is not framed, nor wide."""
    kind = kind_of(media_type.lower())
    return kind in (None, MARKUP, FORM) and _CHARSET.search(media_type) is None


def opened_as(it: Opened, told: Told, kind: Kind | None) -> tuple[Opened, Kind]:
    """``it`` as its kind is searched, and the kind."""
    coding = _wide_coding(it.data, told.type) if kind in (None, MARKUP) else ""
    if coding:
        it = wide(it, coding)
    if told.websocket is not None:
        kind = WEBSOCKET
    if kind is FORM and it.data.lstrip()[:1] in _STRUCTURED:
        kind = None  # many clients say that it is a form unless they are told otherwise
    if kind in (None, MARKUP, FORM) and not _is_text(it, told):
        kind = BINARY
    kind = kind or TEXT
    return (kind.open(it, told) if kind.open else it), kind


def _is_text(it: Opened, told: Told) -> bool:
    if is_text(it.data, it.cut):
        return True
    return _TEXTUAL.search(told.type) is not None and b"\0" not in it.data


def may_be_wide(data: bytes) -> bool:
    """Whether ``data`` begins as UTF-16 and UTF-32 do."""
    return data[:2] in _WIDE


def _wide_coding(data: bytes, media_type: str) -> str:
    """UTF-16 or UTF-32, if that is what it is: a letter of ASCII has a NUL or three in them."""
    if data.count(b"\0") * 4 < len(data):
        return ""
    for mark, coding in _BOMS.items():
        if data.startswith(mark):
            return coding
    named = _CHARSET.search(media_type)
    return named[1] if named else ""
