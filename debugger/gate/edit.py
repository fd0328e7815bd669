"""What a person changes of a held request or response, and whether that can be sent.

Rule 1: what would be no HTTP message, or one that Envoy turns down, is refused here, in words.
Rule 2: a body's length is ours to say. A new body is not encoded.
Rule 3: people see marks in place of secrets. A mark in an edit becomes the secret again; one that
        stands for nothing in this message is refused, so that no mark is ever sent.

Source: RFC 9110, sections 5 (fields) and 8 (representations); RFC 9113, section 8.3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from debugger.breakpoints.breakpoint import Phase
from mesh_traffic import Body, Exchange, Request, Response, replace
from tap.export.words import TOKEN
from tap.redact.marks import MARK

MAX_BODY = 4 * 1024 * 1024  # bytes of a new body
MAX_VALUE = 32 * 1024  # characters of a field
MAX_FIELDS = 200  # that are set or removed at once

_CODEC = ("utf-8", "surrogateescape")  # as Headers
_NOT_IN_VALUES = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OF_A_REQUEST = (":method", ":path", ":authority", ":scheme")
_OF_A_RESPONSE = (":status",)
_OURS = {
    "content-length": "the body says how long it is",
    "transfer-encoding": "Envoy says how a body is sent",
    "connection": "it is about one connection, not about the message",
    "upgrade": "it is about one connection, not about the message",
    "host": "write :authority",
}


class EditError(ValueError):
    """A change that can't be sent; the message says why."""


@dataclass(frozen=True, slots=True)
class Edit:
    """``set`` fields have one value afterwards, ``:path`` and its like among them; ``removed`` ones
    are gone. ``body`` is a new one; None: as it is."""

    set: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    body: bytes | None = None

    def __bool__(self) -> bool:
        return bool(self.set or self.removed or self.body is not None)


NO_EDIT = Edit()


def side_of(exchange: Exchange, phase: Phase) -> Request | Response:
    """The message that is held in that phase."""
    response = exchange.response
    return exchange.request if phase < Phase.RESPONSE or response is None else response


def edited(exchange: Exchange, phase: Phase, edit: Edit) -> Exchange:
    """The exchange with the message that is held in that phase as ``edit`` makes it."""
    side = side_of(exchange, phase)
    fields = side.fields()
    for name in edit.removed:
        fields = fields.removed(name)
    for name, value in edit.set.items():
        fields = fields.replaced(name, value)
    body = side.body if edit.body is None else Body(edit.body, size=len(edit.body))
    if isinstance(side, Response):
        return replace(exchange, response=Response.of_fields(fields, body, side.trailers))
    return replace(exchange, request=Request.of_fields(fields, body, side.trailers))


def checked(edit: Edit, phase: Phase, exchange: Exchange, secrets: Mapping[bytes, bytes]) -> Edit:
    """What is to be sent: with secrets for their marks, and names in lower case.

    ``exchange`` is what is known of the held one, and ``secrets`` has what its marks stand for.
    Raises EditError.
    """
    if len(edit.set) + len(edit.removed) > MAX_FIELDS:
        raise EditError(f"more than {MAX_FIELDS} fields at once")
    known = _OF_A_REQUEST if phase < Phase.RESPONSE else _OF_A_RESPONSE
    fields = {}
    for name, value in edit.set.items():
        lower = _name(name, known, phase)
        data = _without_marks(value.encode(*_CODEC), secrets, lower)
        fields[lower] = _value(lower, data.decode(*_CODEC))
    removed = tuple(_name(name, (), phase) for name in edit.removed)
    body = edit.body
    if body is not None:
        body = _body(body, phase, exchange, secrets)
    return Edit(fields, removed, body)


def _name(name: str, pseudo: tuple[str, ...], phase: Phase) -> str:
    lower = name.lower()
    if lower.startswith(":"):
        if lower in pseudo:
            return lower
        side = "request" if phase < Phase.RESPONSE else "response"
        raise EditError(
            f"{name}: a {side} has no such field to set"
            + (f", but {', '.join(pseudo)}" if pseudo else "; it can't be without one, either")
        )
    if lower in _OURS:
        raise EditError(f"{name}: {_OURS[lower]}")
    if not TOKEN.fullmatch(lower):
        raise EditError(f"{name!r} is no name of a field (RFC 9110, section 5.1)")
    return lower


def _value(name: str, value: str) -> str:
    if len(value) > MAX_VALUE:
        raise EditError(f"{name}: {len(value)} characters, wanted at most {MAX_VALUE}")
    if _NOT_IN_VALUES.search(value):
        raise EditError(f"{name}: a value can't hold control characters or line breaks")
    check = _PSEUDO_VALUES.get(name)
    if check is not None and not check[0].fullmatch(value):
        raise EditError(f"{name}: got {value!r}, wanted {check[1]}")
    return value


_PSEUDO_VALUES = {
    ":method": (TOKEN, "a method such as GET"),
    ":path": (re.compile(r"/[!-~]*|\*"), "a path that begins with / and holds no blanks"),
    ":authority": (re.compile(r"[!-.0-~]+"), "a host, with or without a port"),
    ":scheme": (re.compile(r"https?"), "http or https"),
    ":status": (re.compile(r"[2-5]\d\d"), "a status from 200 to 599"),
}


def _body(body: bytes, phase: Phase, exchange: Exchange, secrets: Mapping[bytes, bytes]) -> bytes:
    if len(body) > MAX_BODY:
        raise EditError(f"a body of {len(body)} bytes, wanted at most {MAX_BODY}")
    if exchange.request.headers.get("upgrade") or exchange.request.method == "CONNECT":
        raise EditError("what follows an upgrade is no body")
    response = exchange.response
    if phase >= Phase.RESPONSE and response is not None:
        if exchange.request.method == "HEAD":
            raise EditError("the response to a HEAD request has no body")
        if response.status in (204, 304):
            raise EditError(f"a response with status {response.status} has no body")
    message = side_of(exchange, phase)
    in_json = "json" in (message.headers.get("content-type") or "").lower()
    spelled = {mark: _in_json(value) for mark, value in secrets.items()} if in_json else secrets
    return _without_marks(body, spelled, "the body")


def _in_json(value: bytes) -> bytes:
    return json.dumps(value.decode("utf-8", "replace"), ensure_ascii=False)[1:-1].encode()


def _without_marks(data: bytes, secrets: Mapping[bytes, bytes], where: str) -> bytes:
    def secret(found: re.Match[bytes]) -> bytes:
        mark = found[0].replace(b"+", b" ")
        if mark not in secrets:
            raise EditError(
                f"{where}: {found[0].decode()} stands for a secret that is not of this message; "
                "write the value"
            )
        return secrets[mark]

    return MARK.sub(secret, data)
