"""gRPC and gRPC-web: length-prefixed messages, their status, and what the messages hold.

A message is decoded by names where a schema knows its method, else by field numbers. gRPC-web has
the trailers in a last frame of the body, and its text form is in base64, chunk by chunk.
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, PROTOCOL-WEB.md
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from mesh_traffic import Headers
from tap.coding import codings_of, undo
from tap.content import protobuf
from tap.content.nouns import Content, Decode, MediaType, Undecodable, View

MAX_MESSAGES = 1_000  # of one body
MAX_NAMED = 256 * 1024  # bytes of a body whose messages are decoded by names
MAX_STATUS = 4_000  # characters of a status message
COMPRESSED, TRAILERS = 0x01, 0x80  # flags of a frame
_PREFIX = 5  # bytes before a message: flags and length
_BASE64 = re.compile(rb"[A-Za-z0-9+/]++={0,2}")
_TEXT_CODECS = frozenset(("json",))

CODES = (  # https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"),
    *("ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"),
    *("ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    "UNAUTHENTICATED",
)


@dataclass(frozen=True, slots=True)
class Frame:
    """``missing``: bytes that its length promised and that did not come."""

    flags: int
    data: bytes
    missing: int = 0


def frames(data: bytes) -> Iterator[Frame]:
    """The frames of a body, the last one perhaps incomplete. Raises Undecodable.

    Flags that no protocol has mean that the body is something else.
    """
    at = 0
    while at < len(data):
        head = data[at : at + _PREFIX]
        if head[0] & ~(COMPRESSED | TRAILERS):
            raise Undecodable(f"no gRPC: a frame with the flags 0x{head[0]:02x} at byte {at:,}")
        if len(head) < _PREFIX:
            yield Frame(head[0], b"", _PREFIX - len(head))
            return
        size = int.from_bytes(head[1:], "big")
        message = data[at + _PREFIX : at + _PREFIX + size]
        yield Frame(head[0], message, size - len(message))
        at += _PREFIX + size


def grpc(content: Content, decode: Decode) -> View:
    """``application/grpc``, its status from the trailers. Raises Undecodable."""
    status = _status(content.trailers) or _status(content.headers)
    return _Body(content, decode).view("grpc", status)


def grpc_web(content: Content, decode: Decode) -> View:
    """``application/grpc-web``, its status from the last frame. Raises Undecodable."""
    return _Body(content, decode).view("grpc-web", _status(content.headers))


def grpc_web_text(content: Content, decode: Decode) -> View:
    """``application/grpc-web-text``: each chunk was encoded by itself, with its padding."""
    chunks = _BASE64.findall(content.data)
    whole = (chunk[: len(chunk) - len(chunk) % 4] for chunk in chunks)
    data = b"".join(base64.b64decode(chunk) for chunk in whole)
    return grpc_web(replace(content, data=data), decode)


def message(content: Content, decode: Decode) -> View:
    """One message that is the body (``application/x-protobuf``). Raises Undecodable."""
    size = len(content.data)
    value, text, notes = named_or_numbered(content, content.data, content.cut, size)
    return View("protobuf", text, value, notes)


def named_or_numbered(
    content: Content, data: bytes, cut: bool, so_far: int
) -> tuple[Any, str, tuple[str, ...]]:
    """Value, text and notes of one message. Raises Undecodable.

    ``so_far``: the bytes of the messages of its body until its end.
    """
    notes: tuple[str, ...] = ()
    if cut:
        whole = protobuf.whole_fields(data)
        notes = (f"cut off: {len(data) - len(whole):,} bytes of an unfinished field left out",)
        data = whole
    if content.schema is not None:
        try:
            if so_far > MAX_NAMED:
                raise Undecodable(f"more than {MAX_NAMED:,} bytes in all")
            if found := content.schema.decode(content.method, content.side, data):
                value, said = found
                shown = json.dumps(value, indent=2, ensure_ascii=False)
                return value, shown, (*notes, *said)
            notes = (*notes, f"no descriptor of {content.method}")
        except Undecodable as error:
            notes = (*notes, f"not decoded by names: {error}")
    value, shown, said = protobuf.by_number(data)
    return value, shown, (*notes, *said)


class _Body:
    def __init__(self, content: Content, decode: Decode) -> None:
        self._content = content
        self._decode = decode
        self._codec = content.type.name.partition("+")[2]
        self._codings = codings_of(content.headers.get_all("grpc-encoding"))
        self._values: list[Any] = []
        self._texts: list[str] = []
        self._notes: list[str] = []
        self._read_so_far = 0  # bytes of messages

    def view(self, kind: str, status: dict[str, Any] | None) -> View:
        for at, frame in enumerate(frames(self._content.data)):
            if frame.flags & TRAILERS:
                status = _status(_trailers(self._plain(frame)[0])) or status
            elif at >= MAX_MESSAGES:
                self._notes.append(f"only the first {MAX_MESSAGES:,} messages are shown")
                break
            else:
                self._message(frame)
        value: dict[str, Any] = {"messages": self._values}
        texts = [self._title(at, text) for at, text in enumerate(self._texts, 1)]
        if status is not None:
            value["status"] = status
            texts.append(f"status {status['name']}  {status['message']}".rstrip())
        kind = f"{kind} {self._content.method}".rstrip()
        return View(kind, "\n".join(texts), value, tuple(self._notes))

    def _title(self, at: int, text: str) -> str:
        many = len(self._texts)
        return f"-- message {at} of {many}\n{text}" if many > 1 else text

    def _message(self, frame: Frame) -> None:
        at = len(self._values) + 1
        data, cut = self._plain(frame)
        if data is None:
            value, text, notes = _closed(frame.data)
        else:
            value, text, notes = self._read(data, cut)
        self._values.append(value)
        self._texts.append(text)
        self._notes += (f"message {at}: {note}" for note in notes)

    def _plain(self, frame: Frame) -> tuple[bytes | None, bool]:
        """The message uncompressed, and whether something of it is missing."""
        at = f"message {len(self._values) + 1}"
        if frame.missing:
            self._notes.append(f"{at}: {frame.missing:,} of its bytes are missing")
        if not frame.flags & COMPRESSED:
            return frame.data, bool(frame.missing)
        if not self._codings:
            self._notes.append(f"{at}: compressed, without grpc-encoding")
            return None, True
        undone = undo(frame.data, self._codings)
        self._notes += (f"{at}: {note}" for note in undone.notes)
        return None if undone.left else undone.data, undone.cut or bool(frame.missing)

    def _read(self, data: bytes, cut: bool) -> tuple[Any, str, tuple[str, ...]]:
        try:
            if self._codec in ("", "proto"):
                self._read_so_far += len(data)
                return named_or_numbered(self._content, data, cut, self._read_so_far)
        except Undecodable as error:
            return _closed(data, str(error))
        view = self._decode(self._content.inner(data, _inner_type(self._codec), cut=cut))
        return view.text if view.value is None else view.value, view.text, view.notes


def _closed(data: bytes, *notes: str) -> tuple[Any, str, tuple[str, ...]]:
    """A message that could not be opened."""
    return {"hex": data.hex()}, f"{len(data):,} bytes", notes


def _inner_type(codec: str) -> MediaType:
    return MediaType(f"application/{codec}") if codec in _TEXT_CODECS else MediaType()


def _trailers(block: bytes | None) -> Headers:
    """The trailers of gRPC-web: a block of HTTP/1 fields."""
    lines = (line.partition(b":") for line in (block or b"").split(b"\r\n"))
    return Headers.of_bytes([(name.strip(), value.strip()) for name, _, value in lines if name])


def _status(fields: Headers) -> dict[str, Any] | None:
    """``grpc-status`` with its name; ``grpc-message`` is percent-encoded."""
    code = fields.get("grpc-status")
    if code is None:
        return None
    known = code.isdecimal() and len(code) < 3 and int(code) < len(CODES)
    name = CODES[int(code)] if known else code[:MAX_STATUS]
    said = unquote((fields.get("grpc-message") or "")[:MAX_STATUS])
    status: dict[str, Any] = {"code": int(code) if known else None, "name": name, "message": said}
    if details := fields.get("grpc-status-details-bin"):
        status["details"] = _details(details)
    return status


def _details(value: str) -> Any:
    """``google.rpc.Status`` in base64 without padding, by field numbers."""
    try:
        data = base64.b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4))
        return protobuf.by_number(data)[0]
    except ValueError:  # no base64, or Undecodable
        return value
