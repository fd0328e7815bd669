"""One answer of HTTP/1.1, read from bytes as they come (RFC 9112): no I/O, and nothing kept of it.

Only what a load generator has to know: the status, where the answer ends, and whether the
connection can be used again. Of the fields those alone that say so are looked at.
"""

from __future__ import annotations

import re

MAX_HEAD = 64 * 1024  # bytes of status line and fields
MAX_BODY = 2**31  # bytes of an answer

_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r?\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r?\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\nconnection:[^\r\n]*\bclose\b", re.IGNORECASE)
_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")
_NO_BODY = (204, 304)


class NoAnswer(ValueError):
    """What came is no answer of HTTP/1.1."""


class AnswerReader:
    """Of one connection, answer after answer. ``status`` is that of the last; ``reusable`` whether
    another request may follow on this connection."""

    def __init__(self) -> None:
        self.status = 0
        self.reusable = True
        self.head = b""
        self._held = b""
        self._begin(False)

    def _begin(self, head: bool) -> None:
        self._is_head = head
        self._in_body = self._chunked = self._until_close = False
        self._left = 0

    def expect(self, head: bool = False) -> None:
        """A request goes out: to HEAD there is no body."""
        self._begin(head)

    def receive(self, data: bytes) -> bool:
        """Whether the answer is whole. Raises ``NoAnswer``."""
        if self._in_body:
            return self._body(data)
        held = self._held + data if self._held else data
        while (end := held.find(b"\r\n\r\n")) >= 0:
            head, held = held[: end + 4], held[end + 4 :]
            self._read_head(head)
            if self.status >= 200 or self.status == 101:
                self._held, self._in_body = b"", True
                return self._body(held)
        if len(held) > MAX_HEAD:
            raise NoAnswer(f"more than {MAX_HEAD} bytes without an end of the fields")
        self._held = held
        return False

    def closed(self) -> bool:
        """The other side has closed: whether that was the end of the answer."""
        self.reusable = False
        return self._in_body and self._until_close

    def _read_head(self, head: bytes) -> None:
        if head[:7] != b"HTTP/1." or head[8:9] != b" " or not head[9:12].isdigit():
            raise NoAnswer(f"no status line of HTTP/1.1: {head[:40]!r}")
        self.status, self.head = int(head[9:12]), head
        if b"onnection" in head or b"ONNECTION" in head or head[7:8] == b"0":
            self.reusable = not _CLOSE.search(head) and head[7:8] != b"0"
        if self._is_head or self.status in _NO_BODY or self.status < 200:
            return
        if _CHUNKED.search(head):
            self._chunked = True
        elif found := _LENGTH.search(head):
            self._left = int(found[1])
            if self._left > MAX_BODY:
                raise NoAnswer(f"a body of {self._left} bytes, wanted at most {MAX_BODY}")
        else:
            self._until_close, self.reusable = True, False

    def _body(self, data: bytes) -> bool:
        if self._chunked:
            return self._chunks(data)
        if self._until_close:
            return False
        self._left -= len(data)
        if self._left < 0:
            self.reusable = False  # more than was announced: the rest belongs to nothing
        return self._left <= 0

    def _chunks(self, data: bytes) -> bool:
        """Skip whole chunks; what is left of the next one's head is held (RFC 9112, 7.1)."""
        at, data = 0, self._held + data
        while True:
            if self._left:
                taken = min(self._left, len(data) - at)
                self._left -= taken
                at += taken
            if self._left or (end := data.find(b"\n", at)) < 0:
                self._held = data[at:]
                if len(self._held) > MAX_HEAD:
                    raise NoAnswer("a chunk without an end of its line")
                return False
            line = data[at : end + 1].strip()
            size = _SIZE.match(line)
            if not size:
                raise NoAnswer(f"no size of a chunk: {line[:40]!r}")
            length = int(size[0], 16)
            if not length:
                return self._trailers(data, at, end)
            at, self._left = end + 1, length + 2
            if length > MAX_BODY:
                raise NoAnswer(f"a chunk of {length} bytes, wanted at most {MAX_BODY}")

    def _trailers(self, data: bytes, at: int, end: int) -> bool:
        """After the last chunk: fields, mostly none, and an empty line."""
        rest = data[end + 1 :]
        whole = rest.startswith(b"\r\n") or b"\r\n\r\n" in rest
        self._held = b"" if whole else data[at:]
        if len(self._held) > MAX_HEAD:
            raise NoAnswer(f"more than {MAX_HEAD} bytes of trailers")
        return whole
