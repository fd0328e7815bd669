"""The head of an HTTP/1.1 message that is like most: a fifth of what h11 takes for it.

Only what leaves no doubt is read here: all of the head is there, every field is plain, and the body
has a known length. Anything else is h11's to decide, from its first byte on, be it HTTP or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mesh_traffic import Headers
from tap.sockets.spoken import MAX_HEAD

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110, section 5.6.2
_REQUEST = re.compile(rb"(" + _TOKEN + rb") ([!-~]+) HTTP/1\.1\r\n")
_RESPONSE = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) [\t -~]*\r\n")
_FIELDS = re.compile(rb"(?:" + _TOKEN + rb"+:[\t -~\x80-\xff]*+\r\n)*+\r\n")
_NOT_HERE = frozenset(("transfer-encoding", "upgrade"))  # another way of being framed
_NO_BODY = (b"204", b"304")
MAX_LENGTH = 18  # digits

Field = tuple[str, str]


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
    hosts = [at for at, (name, _) in enumerate(fields) if name == "host"]
    if len(hosts) != 1:
        return None
    fields[hosts[0]] = (":authority", fields[hosts[0]][1])
    pseudo = ((":method", first[1].decode()), (":path", first[2].decode()))
    return Head(Headers((*pseudo, *fields)), first[1], size, length or 0)


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
    return Head(Headers(((":status", first[1].decode()), *fields)), method, size, length)


def _fields(data: bytes, at: int) -> tuple[list[Field], int, int | None] | None:
    """The fields from there on, where they end, and what they say of the body's length."""
    block = _FIELDS.match(data, at)
    if block is None or block.end() > MAX_HEAD:
        return None
    fields, length = [], None
    for line in block[0].decode("utf-8", "surrogateescape").split("\r\n")[:-2]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        if name in _NOT_HERE:
            return None
        if name == "content-length":
            if length is not None or not _is_length(value):
                return None
            length = int(value)
        fields.append((name, value))
    return fields, block.end(), length


def _is_length(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= MAX_LENGTH
