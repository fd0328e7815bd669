"""The mark that stands for a secret: ``[redacted 3f9a1c]``, and how it is written where.

The six digits are the beginning of an HMAC-SHA256 (RFC 2104) of the value under a key that lives as
long as the run: equal values have equal marks, and nobody can look for the value that a mark is of.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

Render = Callable[[bytes, int], bytes]  # a mark, and the length of what it stands for

DIGITS = 6
MARK = re.compile(rb"\[redacted[ +][0-9a-f]{6}\]")
ANY_MARK = re.compile(rb"\[redacted[ +][0-9a-f]{6}\.*\]|\[[0-9a-f]{6}\.*\]|\*+")  # or same_length
_IN_TEXT = re.compile(rb"\[redacted(?:[ +][0-9a-f]{6}\.*+|: [^\]\r\n]*+)\]")
# as same_length() leaves them in binary messages: a short one is told by the length before it
_SHORT = [rb"%b\*{%d}(?!\*)" % (re.escape(bytes((n,))), n) for n in range(1, 8)]
_IN_BINARY = re.compile(rb"\[[0-9a-f]{6}\.*+\]|" + b"|".join(_SHORT))
LENGTH = len(b"[redacted ") + DIGITS + 1

_BLOCK = 64  # bytes, of SHA-256


class Marker:
    """Marks under one key."""

    def __init__(self, key: bytes) -> None:
        key = hashlib.sha256(key).digest() if len(key) > _BLOCK else key
        key = key.ljust(_BLOCK, b"\0")
        # hashed once: an HMAC made anew takes twice the time of the two copies
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def mark(self, value: bytes) -> bytes:
        """The mark of ``value``; a mark is its own, so that redacting twice is redacting once."""
        if value.startswith(b"[redacted") and MARK.fullmatch(value):
            return value
        inner = self._inner.copy()
        inner.update(value)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return b"[redacted %b]" % outer.hexdigest()[:DIGITS].encode()


def is_marked(data: bytes, binary: bool = False) -> bool:
    """Whether something in ``data`` stands for a secret. ``binary``: it is no text, and its marks
    are as long as what they stand for."""
    return bool(_IN_TEXT.search(data) or (binary and _IN_BINARY.search(data)))


def plain(mark: bytes, length: int) -> bytes:
    """In text, and inside a JSON string."""
    return mark


def in_query(mark: bytes, length: int) -> bytes:
    """In a path, a query or a form, where ``+`` is a space (WHATWG URL, section 5.1)."""
    return mark.replace(b" ", b"+")


def same_length(mark: bytes, length: int) -> bytes:
    """As long as what it stands for, where a length is written elsewhere.

    ``[redacted 3f9a1c....]``, ``[3f9a1c..]``, and asterisks where there is no room for the hash.
    """
    if length >= len(mark):
        return mark[:-1].ljust(length - 1, b".") + b"]"
    if length >= DIGITS + 2:
        return b"[%b" % mark[-1 - DIGITS : -1].ljust(length - 2, b".") + b"]"
    return b"*" * length


def left_out(why: str) -> bytes:
    """In the place of what may hold secrets that nobody can look for."""
    return f"[redacted: {why}]".encode()
