"""WebSocket frames (RFC 6455) written anew in clear: unmasked, in one piece, not compressed.

A client's frames come masked with a key that stands beside them: nothing for a search to see, and
nothing that hides a secret. Compressed messages (RFC 7692) may build on the ones before them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from tap.coding import MAX_EXPANDED
from tap.websocket import DEFLATE_TAIL, MAX_FRAMES, unmasked

_FINAL, _RSV1, _MASKED = 0x80, 0x40, 0x80
_CONTROL = 8  # opcodes from here on are not fragmented, nor compressed


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, unmasked. ``start`` and ``end``: of its payload, where it was read."""

    head: int
    payload: bytes
    start: int
    end: int
    whole: bool


def frames(data: bytes) -> Iterator[Frame]:
    """The frames of ``data``, the last one as far as it is there."""
    at = 0
    for _ in range(MAX_FRAMES):
        if at + 2 > len(data):
            return
        head, size = data[at], data[at + 1] & 0x7F
        masked = data[at + 1] & _MASKED
        at += 2
        more = {126: 2, 127: 8}.get(size, 0)
        if more:
            size = int.from_bytes(data[at : at + more], "big")
            at += more
        key = data[at : at + 4] if masked else b""
        at += len(key)
        payload = data[at : at + size]
        whole = at + size <= len(data)
        yield Frame(head, unmasked(payload, key), at, at + len(payload), whole)
        at += size


def written(opcode: int, payload: bytes) -> bytes:
    """One whole frame."""
    size = len(payload)
    if size < 126:
        length = bytes((size,))
    elif size < 1 << 16:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    return bytes((_FINAL | opcode,)) + length + payload


@dataclass(slots=True)
class _Inflater:
    """The compression of one side; ``anew``: each message begins without what came before."""

    anew: bool
    left: int = MAX_EXPANDED
    complete: bool = True
    _it: zlib._Decompress = field(default_factory=lambda: zlib.decompressobj(-15))

    def message(self, data: bytes) -> bytes:
        if self.left <= 0:
            self.complete = False
            return b""
        try:
            out = self._it.decompress(data + DEFLATE_TAIL, self.left)
        except zlib.error:
            self.left, self.complete = 0, False
            return b""
        self.left -= len(out)
        if self._it.unconsumed_tail:
            self.left, self.complete = 0, False
        if self.anew:
            self._it = zlib.decompressobj(-15)
        return out


def clear(data: bytes, extensions: str) -> tuple[bytes, bool]:
    """The frames in clear, and whether that is all that ``data`` holds."""
    inflater = _Inflater("no_context_takeover" in extensions)
    out = bytearray()
    message, first = bytearray(), 0
    end = count = 0
    for frame in frames(data):
        count, end = count + 1, frame.end
        opcode = frame.head & 0x0F
        if opcode >= _CONTROL:
            out += written(opcode, frame.payload)
            continue
        first = frame.head if opcode else first
        message += frame.payload
        if frame.head & _FINAL or not frame.whole:
            payload = inflater.message(bytes(message)) if first & _RSV1 else bytes(message)
            out += written(first & 0x0F, payload)
            message.clear()
    if message:
        payload = inflater.message(bytes(message)) if first & _RSV1 else bytes(message)
        out += written(first & 0x0F, payload)
    return bytes(out), inflater.complete and count < MAX_FRAMES and end + 2 > len(data)
