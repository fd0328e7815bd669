"""Bytes of a file of traces → the bytes of each. Protocol logic: no I/O, indifferent to chunking.

Envoy separates the traces of a file in one of three ways: its JSON and its text end with the only
closing brace that begins a line, ``PROTO_BINARY_LENGTH_DELIMITED`` writes a varint before each, and
``PROTO_BINARY`` writes nothing. There a trace is one field of a ``TraceWrapper``, so each field on
the top is one. Source: Envoy, ``envoy.config.tap.v3.OutputSink.Format``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tap.traces.decode import MAX_TRACE_BYTES

Span = tuple[int, int]
Cut = Callable[[bytearray, int], Span | None]  # the next one from there; None: no end yet

_TAGS = frozenset({0x0A, 0x12, 0x1A, 0x22, 0x2A})  # TraceWrapper's fields 1 to 5, all messages
_VARINT = 5  # bytes of a length at most: more is beyond MAX_TRACE_BYTES


class FramingError(ValueError):
    """Bytes after which no beginning of a trace can be found."""


class Frames:
    """Feed it chunks; it yields ``(offset, bytes)`` of each trace that they complete."""

    def __init__(self, cut: Cut) -> None:
        self.offset = 0  # in the file, of what was not yielded yet
        self._cut = cut
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Raises FramingError, and then reads no more."""
        self._rest += chunk
        start = 0
        try:
            while (span := self._cut(self._rest, start)) is not None:
                yield self.offset + start, bytes(self._rest[span[0] : span[1]])
                start = span[1]
        finally:
            self._forget(start)
        if len(self._rest) > MAX_TRACE_BYTES:
            raise FramingError(f"a trace longer than {MAX_TRACE_BYTES} bytes")

    def close(self) -> bytes:
        """What is left without an end."""
        left = bytes(self._rest)
        self._rest.clear()
        return left

    def _forget(self, size: int) -> None:
        del self._rest[:size]
        self.offset += size


def ending(mark: bytes) -> Cut:
    """Each trace ends with ``mark``."""

    def cut(data: bytearray, start: int) -> Span | None:
        at = data.find(mark, start)
        return None if at < 0 else (start, at + len(mark))

    return cut


def delimited(data: bytearray, start: int) -> Span | None:
    """The length of each comes before it."""
    return _sized(data, start)


def fields(data: bytearray, start: int) -> Span | None:
    """Each field on the top, with its tag, is a trace of its own."""
    if start >= len(data):
        return None
    if data[start] not in _TAGS:
        raise FramingError(f"a byte {data[start]:#04x} where a trace begins")
    span = _sized(data, start + 1)
    return span and (start, span[1])


def _sized(data: bytearray, start: int) -> Span | None:
    size = 0
    for at in range(_VARINT):
        if start + at >= len(data):
            return None
        byte = data[start + at]
        size |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            break
    else:
        raise FramingError("no length where a trace begins")
    if size > MAX_TRACE_BYTES:
        raise FramingError(f"a trace of {size} bytes, expected {MAX_TRACE_BYTES} at most")
    begin = start + at + 1
    return None if begin + size > len(data) else (begin, begin + size)
