"""WebSocket frames (RFC 6455): unmasked, put together, inflated, and each message decoded.

A tap has what went over the wire after the handshake: a client's frames masked, a server's not. A
message may come in fragments with control frames between them, and is compressed where both sides
agreed on permessage-deflate (RFC 7692) and the message says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mesh_traffic import Exchange
from tap.coding import MAX_EXPANDED, SLICE
from tap.content.nouns import Content, Decode, MediaType, Side, Undecodable, View
from tap.websocket import DEFLATE_TAIL, MAX_FRAMES, unmasked

MAX_MESSAGES = 1_000
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NAMES = {TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}


@dataclass(frozen=True, slots=True)
class Frame:
    """``rsv1``: of a message's first frame, it is compressed. ``missing``: bytes not seen."""

    opcode: int
    final: bool
    rsv1: bool
    data: bytes
    missing: int = 0


@dataclass(slots=True)
class Message:
    """``whole``: its last frame was seen."""

    opcode: int
    compressed: bool = False
    data: bytearray = field(default_factory=bytearray)
    whole: bool = False


def is_websocket(exchange: Exchange) -> bool:
    """Whether the exchange switched to WebSocket (RFC 6455, section 4).

    Envoy's filters see an HTTP/2 one (RFC 8441) as if it were HTTP/1.
    """
    asked = (exchange.request.headers.get("upgrade") or "").lower()
    switched = exchange.response is not None and exchange.response.status == 101
    return switched and asked.strip() == "websocket"


@dataclass(frozen=True, slots=True)
class Deflate:
    """Whether permessage-deflate was agreed on, and whether each message begins anew."""

    agreed: bool = False
    anew: bool = False

    @classmethod
    def of(cls, exchange: Exchange, side: Side) -> Deflate:
        """What the server accepted, for the messages of the client or of the server."""
        response = exchange.response
        accepted = response.headers.get_all("sec-websocket-extensions") if response else []
        for extension in ",".join(accepted).lower().split(","):
            name, *parameters = (part.strip() for part in extension.split(";"))
            if name == "permessage-deflate":
                who = "client" if side == "request" else "server"
                return cls(True, f"{who}_no_context_takeover" in parameters)
        return cls()


def frames(data: bytes) -> Iterator[Frame]:
    """The frames, the last one perhaps incomplete. Raises Undecodable at what is none."""
    at = count = 0
    while at < len(data) and count < MAX_FRAMES:
        count += 1
        size, mask, start = _header(data, at)
        if start is None:
            yield Frame(data[at] & 0x0F, False, False, b"", 1)
            return
        payload = data[start : start + size]
        shown = unmasked(payload, mask)
        yield Frame(
            data[at] & 0x0F,
            bool(data[at] & 0x80),
            bool(data[at] & 0x40),
            shown,
            size - len(payload),
        )
        at = start + size


def _header(data: bytes, at: int) -> tuple[int, bytes, int | None]:
    """A frame's size, its mask or b"", and its payload's start: None if cut off before."""
    if data[at] & 0x30 or (data[at] & 0x0F) not in (CONTINUATION, *NAMES):
        raise Undecodable(f"no WebSocket frame: it begins with 0x{data[at]:02x} at byte {at:,}")
    if at + 2 > len(data):
        return 0, b"", None
    size, masked = data[at + 1] & 0x7F, bool(data[at + 1] & 0x80)
    wide = {126: 2, 127: 8}.get(size, 0)
    start = at + 2 + wide + 4 * masked
    if start > len(data):
        return 0, b"", None
    if wide:
        size = int.from_bytes(data[at + 2 : at + 2 + wide], "big")
    return size, data[start - 4 : start] if masked else b"", start


def messages(data: bytes) -> Iterator[Message]:
    """The messages and control frames, in their order of ending. Raises Undecodable."""
    open_: Message | None = None
    for frame in frames(data):
        if frame.opcode >= CLOSE:
            yield Message(frame.opcode, data=bytearray(frame.data), whole=not frame.missing)
            continue
        if open_ is None or frame.opcode != CONTINUATION:
            if open_ is not None:
                yield open_  # a new message although the last one has not ended
            open_ = Message(frame.opcode, frame.rsv1)
        open_.data += frame.data
        if frame.final and not frame.missing:
            open_.whole = True
            yield open_
            open_ = None
    if open_ is not None:
        yield open_


class _Inflater:
    """Inflates the compressed messages of one side, with what came before as their dictionary."""

    def __init__(self, deflate: Deflate) -> None:
        self._deflate = deflate
        self._it = zlib.decompressobj(-15)
        self._left = MAX_EXPANDED  # for all messages of one body

    def inflate(self, message: Message) -> tuple[bytes, str]:
        """What it held, and why that is not all, or ""."""
        if not self._deflate.agreed:
            return bytes(message.data), "compressed, without permessage-deflate in the handshake"
        data = bytes(message.data) + (DEFLATE_TAIL if message.whole else b"")
        out = bytearray()
        try:
            for at in range(0, len(data), SLICE):
                out += self._it.decompress(data[at : at + SLICE], self._left + 1 - len(out))
                if len(out) > self._left:
                    return bytes(out[: self._left]), f"more than {MAX_EXPANDED:,} bytes in all"
        except zlib.error:
            return bytes(out), "broken: no deflate"
        finally:
            self._left = max(0, self._left - len(out))
            if self._deflate.anew or self._it.eof:
                self._it = zlib.decompressobj(-15)
        return bytes(out), ""


def websocket_view(content: Content, deflate: Deflate, decode: Decode) -> View:
    """Each message under a line that says what it is. Raises Undecodable."""
    inflater = _Inflater(deflate)
    values: list[dict[str, Any]] = []
    lines: list[str] = []
    notes: list[str] = []
    try:
        for at, message in enumerate(messages(content.data)):
            if at >= MAX_MESSAGES:
                notes.append(f"only the first {MAX_MESSAGES:,} messages are shown")
                break
            value, text, said = _message(content, message, inflater, decode)
            values.append(value)
            lines.append(text)
            notes += (f"message {at + 1}: {one}" for one in said)
    except Undecodable as error:
        if not values:
            raise
        notes.append(str(error))
    return View("websocket", "\n".join(lines), values, tuple(notes))


def _message(
    content: Content, message: Message, inflater: _Inflater, decode: Decode
) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    name = NAMES.get(message.opcode, "continuation")
    data, why = bytes(message.data), ""
    if message.compressed:
        data, why = inflater.inflate(message)
    notes = tuple(note for note in (why, "" if message.whole else "it has not ended") if note)
    if message.opcode == CLOSE and len(data) >= 2:
        code, reason = int.from_bytes(data[:2], "big"), data[2:].decode("utf-8", "replace")
        return {"type": name, "code": code, "reason": reason}, f"-- {name} {code} {reason}", notes
    if not data:
        return {"type": name, "value": ""}, f"-- {name}", notes
    kind = MediaType("text/plain") if message.opcode == TEXT else MediaType()
    view = decode(content.inner(data, kind, cut=not message.whole or bool(why)))
    value = view.text if view.value is None else view.value
    text = f"-- {name}, {len(data):,} bytes\n{view.text}"
    return {"type": name, "kind": view.kind, "value": value}, text, (*notes, *view.notes)
