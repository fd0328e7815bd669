"""A body opened: what it says once codings, masks and frames are undone, to be searched.

If nothing is found in it, the body stays as it came, compressed and all. If something is, the
opened form is what is kept, with its marks.
"""

from __future__ import annotations

import base64
import binascii
import codecs
from collections.abc import Callable
from typing import NamedTuple

from mesh_traffic import Body
from tap.coding import MAX_EXPANDED, undo
from tap.redact import websocket
from tap.redact.protobuf import GRPC_HEAD, grpc_messages

COMPRESSED = 1  # the flag of a gRPC message (gRPC over HTTP/2, "Compressed-Flag")

Wrap = Callable[[bytes], bytes]


class Told(NamedTuple):
    """What the headers say of a body. ``websocket``: its extensions, None where it is none."""

    type: str = ""
    codings: tuple[str, ...] = ()
    grpc_encoding: str = ""
    websocket: str | None = None


class Opened(NamedTuple):
    """``cut``: its end is missing. ``undone``: a content coding was. ``wrap``: back to how it came.

    ``must``: the body can't stay as it came even if nothing is found: there may be more in it than
    could be looked at. ``withheld``: why nothing of it can be shown, or "".
    """

    data: bytes
    cut: bool
    undone: bool = False
    must: bool = False
    withheld: str = ""
    wrap: Wrap = bytes


def opened(body: Body, told: Told) -> Opened:
    """``body`` without its content codings. A header that lies about readable text is ignored."""
    if not told.codings or not body.data:
        return Opened(body.data, body.truncated)
    undone = undo(body.data, told.codings, MAX_EXPANDED)
    if undone.left or (undone.notes and not undone.data):
        if is_text(body.data, body.truncated):
            return Opened(body.data, body.truncated)
        names = ", ".join(told.codings)[:40]
        return Opened(
            b"", True, withheld=f"{len(body.data):,} bytes of {names} that can't be decoded"
        )
    more = bool(undone.notes)  # another decoder might get more out of the same bytes
    return Opened(undone.data, body.truncated or undone.cut, True, more)


def is_text(data: bytes, cut: bool) -> bool:
    """Whether ``data`` is UTF-8 without NUL; ``cut``: its last character may be incomplete."""
    if b"\0" in data:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, False) if cut else data.decode()
    except UnicodeDecodeError:
        return False
    return True


def wide(it: Opened, coding: str) -> Opened:
    """UTF-16 or UTF-32 as UTF-8."""

    def wrap(data: bytes) -> bytes:
        return data.decode("utf-8", "surrogatepass").encode(coding, "surrogatepass")

    text = it.data.decode(coding, "replace")
    return it._replace(data=text.encode("utf-8", "surrogatepass"), wrap=wrap)


def grpc_web_text(it: Opened, told: Told) -> Opened:
    """Base64, each part of a response padded by itself (gRPC-web, "Protocol differences")."""
    data = b"".join(it.data.split())
    ends = [at + 4 for at in range(0, len(data), 4) if b"=" in data[at : at + 4]]
    pieces = [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]
    try:
        clear = b"".join(
            base64.b64decode(one[: len(one) // 4 * 4], validate=True) for one in pieces
        )
    except binascii.Error:
        return it
    return grpc(it._replace(data=clear, wrap=base64.b64encode), told)


def grpc(it: Opened, told: Told) -> Opened:
    """Its messages without their compression, which a flag of each says it has."""
    if told.grpc_encoding in ("", "identity"):
        return it
    messages = list(grpc_messages(it.data))
    if not any(flag & COMPRESSED for flag, *_ in messages):
        return it
    clear = bytearray()
    must, end, left = it.must, 0, MAX_EXPANDED
    for flag, start, end, _ in messages:
        payload = it.data[start:end]
        if flag & COMPRESSED:
            payload, complete = _inflated(payload, told.grpc_encoding, left)
            left -= len(payload)
            must = must or not complete
        clear += (
            bytes((flag & ~COMPRESSED,)) + len(payload).to_bytes(GRPC_HEAD - 1, "big") + payload
        )
    return it._replace(data=bytes(clear) + it.data[end:], must=must, cut=it.cut or must)


def _inflated(payload: bytes, encoding: str, limit: int) -> tuple[bytes, bool]:
    if limit <= 0:
        return b"", False
    undone = undo(payload, (encoding,), limit)
    return (b"", False) if undone.left else (undone.data, not undone.notes)


def websocket_frames(it: Opened, told: Told) -> Opened:
    """Frames without masks, fragments and compression."""
    clear, complete = websocket.clear(it.data, told.websocket or "")
    return it._replace(data=clear, must=it.must or not complete, cut=it.cut or not complete)
