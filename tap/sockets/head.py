"""The head of an HTTP/1.1 message that is like most: a fifth of what h11 takes for it.

Only what leaves no doubt is read here: all of the head is there, every field is plain, and the body
has a known length. Anything else is h11's to decide, from its first byte on, be it HTTP or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mesh_traffic import Headers
from tap.sockets.spoken import MAX_HEAD

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST = re.compile(rb"(" + _TOKEN + rb") ([!-~]+) HTTP/1\.1\r\n")
_RESPONSE = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) [\t -~]*\r\n")
_NAME = re.compile(_TOKEN)
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_NOT_HERE = frozenset((b"transfer-encoding", b"upgrade"))  # another way of being framed
_NO_BODY = (b"204", b"304")
MAX_LENGTH = 18  # digits

Field = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Head:
    """Fields as in HTTP/2; ``size`` of the head, ``length`` of the body after it, in bytes."""

    fields: Headers
    method: bytes
    size: int
    length: int


def request_head(data: bytes) -> Head | None:
    """The head of a request at the beginning of ``data``; None: h11 has to look."""
    first = _REQUEST.match(data)
    if first is None or first[1] == b"CONNECT":
        return None
    found = _fields(data, first.end())
    if found is None:
        return None
    fields, size, length = found
    named = [(b":authority" if name == b"host" else name, value) for name, value in fields]
    if sum(name == b":authority" for name, _ in named) != 1:
        return None
    pseudo = [(b":method", first[1]), (b":path", first[2])]
    return Head(Headers.of_bytes([*pseudo, *named]), first[1], size, length or 0)


def response_head(data: bytes, method: bytes) -> Head | None:
    """The same of the response to a request of that method."""
    first = _RESPONSE.match(data)
    found = _fields(data, first.end()) if first else None
    if first is None or found is None:
        return None
    fields, size, length = found
    if method == b"HEAD" or first[1] in _NO_BODY:
        length = 0
    if length is None:  # until the connection is closed
        return None
    return Head(Headers.of_bytes([(b":status", first[1]), *fields]), method, size, length)


def _fields(data: bytes, at: int) -> tuple[list[Field], int, int | None] | None:
    """The fields from there on, where they end, and what they say of the body's length."""
    end = data.find(b"\r\n\r\n", at - 2)
    if not 0 <= end <= MAX_HEAD:
        return None
    fields, length = [], None
    for line in data[at:end].split(b"\r\n") if end > at else ():
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            return None
        name, value = name.lower(), value.strip(b" \t")
        if name in _NOT_HERE:
            return None
        if name == b"content-length":
            if length is not None or not value.isdigit() or len(value) > MAX_LENGTH:
                return None
            length = int(value)
        fields.append((name, value))
    return fields, end + 4, length
