"""Thrift, framed and binary: every call gets a reply that says who got it.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md
https://github.com/apache/thrift/blob/master/doc/specs/thrift-rpc.md ("Framed Transport")
"""

from __future__ import annotations

import struct

MAX_FRAME = 64 * 1024  # bytes
METHOD = "echo"  # of our own questions; any is answered

_STRICT = 0x8001_0000
_CALL, _REPLY = 1, 2
_STRING, _STOP = 11, 0


class ThriftSession:
    def __init__(self, who: str) -> None:
        self._who = who
        self._waiting = b""

    def receive(self, data: bytes) -> bytes:
        self._waiting += data
        answers = []
        while (frame := _frame(self._waiting)) is not None:
            self._waiting = self._waiting[4 + len(frame) :]
            name, sequence, _ = _message(frame, _CALL)
            answers.append(_framed(_REPLY, name, sequence, 0, self._who))
        return b"".join(answers)


def _frame(data: bytes) -> bytes | None:
    if len(data) < 4:
        return None
    (length,) = struct.unpack(">I", data[:4])
    if length > MAX_FRAME:
        raise ValueError(f"a frame has at most {MAX_FRAME} bytes, got {length}")
    return data[4 : 4 + length] if len(data) >= 4 + length else None


def _message(frame: bytes, wanted: int) -> tuple[bytes, int, bytes]:
    """The method's name, the call's number, and its arguments."""
    try:
        head, size = struct.unpack(">Ii", frame[:8])
        name, body = frame[8 : 8 + size], frame[8 + size :]
        (sequence,) = struct.unpack(">i", body[:4])
    except struct.error as error:
        raise ValueError("a message is too short") from error
    if head != _STRICT | wanted or size < 0:
        raise ValueError(f"expected a message of kind {wanted}, got {head:#x}")
    return name, sequence, body[4:]


def _framed(kind: int, name: bytes, sequence: int, field: int, text: str) -> bytes:
    """A message whose struct has one field, a text."""
    value = text.encode()
    head = struct.pack(">Ii", _STRICT | kind, len(name)) + name + struct.pack(">i", sequence)
    body = struct.pack(">bhi", _STRING, field, len(value)) + value + bytes([_STOP])
    return struct.pack(">I", len(head) + len(body)) + head + body


def session(who: str) -> ThriftSession:
    return ThriftSession(who)


def question(text: str) -> bytes:
    """A call of :data:`METHOD` with one argument."""
    return _framed(_CALL, METHOD.encode(), 1, 1, text)


def answered(data: bytes) -> str | None:
    frame = _frame(data)
    if frame is None:
        return None
    *_, body = _message(frame, _REPLY)
    kind, _, length = struct.unpack(">bhi", body[:7])
    if kind != _STRING:
        raise ValueError(f"expected a text, got a field of kind {kind}")
    return str(body[7 : 7 + length], errors="replace")
