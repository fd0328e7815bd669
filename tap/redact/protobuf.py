"""Protobuf and gRPC without descriptors: where strings may stand in a message.

A length-delimited field is a string, bytes or a message, and the wire does not say which. So each
is taken for all of them: the spans of a message's fields come first, then the field itself. Marks
have the length of what they replace, so no length on the wire becomes a lie.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_DEPTH = 32  # messages in messages; deeper ones are bytes
MAX_FIELDS = 50_000  # looked at in one message; one that has more is taken as bytes
GRPC_HEAD = 5  # bytes before a message: a flag, and its length (gRPC over HTTP/2, "Requests")

_VARINT, _FIXED64, _BYTES, _START, _END, _FIXED32 = range(6)
_FIXED = {_FIXED64: 8, _FIXED32: 4}

Span = tuple[int, int]


class _NoMessage(ValueError):
    """Bytes that are no protobuf message."""


@dataclass(slots=True)
class _Reader:
    data: bytes
    left: int = MAX_FIELDS

    def spans(self, start: int, end: int, cut: bool, depth: int = 0) -> list[Span]:
        """The length-delimited fields from ``start`` to ``end``, the innermost first.

        Raises _NoMessage. ``cut``: the last one may be longer than what is there.
        """
        found: list[Span] = []
        at = start
        while at < end:
            tag, at = self._varint(at, end, cut)
            kind = tag & 7
            self.left -= 1
            if tag >> 3 == 0 or self.left < 0:
                raise _NoMessage
            if kind == _BYTES:
                size, at = self._varint(at, end, cut)
                found += self._field(at, at + size, end, cut, depth)
                at += size
            elif kind == _VARINT:
                _, at = self._varint(at, end, cut)
            elif kind in _FIXED:
                at += _FIXED[kind]
            elif kind not in (_START, _END):
                raise _NoMessage
            if at > end and not cut:
                raise _NoMessage
        return found

    def _field(self, start: int, stop: int, end: int, cut: bool, depth: int) -> list[Span]:
        if stop > end and not cut:
            raise _NoMessage
        whole = stop <= end
        stop = min(stop, end)
        inner: list[Span] = []
        if depth < MAX_DEPTH and stop > start:
            try:
                inner = self.spans(start, stop, cut and not whole, depth + 1)
            except _NoMessage:
                inner = []
        return [*inner, (start, stop)]

    def _varint(self, at: int, end: int, cut: bool) -> tuple[int, int]:
        value = shift = 0
        while at < end and shift < 70:
            byte = self.data[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value, at
        if cut and at >= end:
            return 8, end  # as if the field were there: a number, of which there is no more
        raise _NoMessage


def message_spans(data: bytes, start: int, end: int, cut: bool = False) -> list[Span]:
    """Where strings may stand in the message from ``start`` to ``end``; all of it comes last."""
    try:
        return [*_Reader(data).spans(start, end, cut), (start, end)]
    except _NoMessage:
        return [(start, end)]


def grpc_messages(data: bytes) -> Iterator[tuple[int, int, int, bool]]:
    """Flag, start, end and whether it is cut off, of each message in a row of them."""
    at = 0
    while at + GRPC_HEAD <= len(data):
        size = int.from_bytes(data[at + 1 : at + GRPC_HEAD], "big")
        start, stop = at + GRPC_HEAD, at + GRPC_HEAD + size
        yield data[at], start, min(stop, len(data)), stop > len(data)
        at = stop
