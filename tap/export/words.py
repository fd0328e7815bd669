"""What several formats say in the same words."""

from __future__ import annotations

import re

from mesh_traffic import Body, Exchange
from mesh_traffic.headers import Field
from tap.access_log import SOURCE as LOG
from tap.lines import printable

# RFC 9110, section 5.6.2: what a method and a field's name are made of.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
NOT_CAPTURED = "headers and bodies were not captured"
_NOT_IN_A_VALUE = re.compile(r"[\r\n\0]")  # RFC 9110, section 5.5
_CODEC = ("utf-8", "surrogateescape")


class ExportError(Exception):
    """A format can't be written; the message says what is missing."""


def cut(body: Body) -> str:
    """What to say of a body that was cut off, "" of a whole one."""
    if not body.truncated:
        return ""
    of = "an unknown number" if body.size is None else f"{body.size:,}"
    return f"cut off: {len(body.data):,} of {of} bytes were kept"


def remarks(exchange: Exchange) -> list[str]:
    """What a tool that shows one message has no field for."""
    response = exchange.response
    sides = [("request", exchange.request.body)]
    sides += [("response", response.body)] if response else []
    said = [f"{side} body {cut(body)}" for side, body in sides if body.truncated]
    return [NOT_CAPTURED, *said] if summary(exchange) else said


def summary(exchange: Exchange) -> bool:
    """Whether only an access log told of it: its headers and bodies are not known."""
    return exchange.sources == (LOG,)


def sendable(field: Field) -> bool:
    """Whether HTTP/1.1 can carry the field: no line of its own can hide in it."""
    name, value = field
    return bool(TOKEN.fullmatch(name)) and not _NOT_IN_A_VALUE.search(value)


def told(text: str) -> str:
    """``text`` for a person, in one line."""
    return printable(to_text(text))


def to_bytes(text: str) -> bytes:
    """The bytes that were captured; a half surrogate that stands for none becomes ``?``."""
    try:
        return text.encode(*_CODEC)
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def to_text(text: str) -> str:
    """``text`` as UTF-8 can say it: U+FFFD for what is none."""
    return text if text.isascii() else to_bytes(text).decode("utf-8", "replace")
