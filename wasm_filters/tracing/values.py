"""The values in a trace: how much of each is kept, how it is shown, and what it is as JSON."""

from __future__ import annotations

from base64 import b64encode
from codecs import getincrementaldecoder
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

MAX_SHOWN = 200  # bytes of one value in the text
MAX_SHOWN_PAIRS = 50  # of one map in the text
MAX_KEPT = 64 * 1024  # bytes of one value in the trace

_Decoder = getincrementaldecoder("utf-8")


@dataclass(frozen=True, slots=True)
class Cut:
    """The first bytes of a value that has ``size``."""

    data: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What the filter gave can't be read; ``reason`` says why."""

    reason: str


def weight(values: Mapping[str, object]) -> int:
    """How many bytes are kept of them."""
    size = 0
    for value in values.values():
        if isinstance(value, bytes):
            size += len(value)
        elif isinstance(value, list):
            size += sum(len(key) + len(item) for key, item in value)
        elif isinstance(value, Cut):
            size += len(value.data)
    return size


def shown(value: object) -> str:
    """The value in the text of a trace: short, and on one line."""
    return _SHOWN.get(type(value), _other)(value)


def _other(value: object) -> str:
    return value.name.lower() if isinstance(value, IntEnum) else str(value)


def shown_bytes(data: bytes, size: int) -> str:
    """At most MAX_SHOWN bytes, quoted: as text if they are UTF-8, else as Python writes bytes."""
    head = data[:MAX_SHOWN]
    try:
        text = repr(_Decoder().decode(head, final=len(head) == size))
    except UnicodeDecodeError:
        text = repr(head)
    return text if len(head) == size else f"{text}… ({size} bytes)"


def _pairs(pairs: list[tuple[bytes, bytes]]) -> str:
    items = [f"{shown(key)}: {shown(value)}" for key, value in pairs[:MAX_SHOWN_PAIRS]]
    if len(pairs) > MAX_SHOWN_PAIRS:
        items.append(f"… ({len(pairs)} fields)")
    return "{" + ", ".join(items) + "}"


_SHOWN: Mapping[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    bytes: lambda value: shown_bytes(value, len(value)),
    str: repr,
    list: _pairs,
    Cut: lambda value: shown_bytes(value.data, value.size),
    Unreadable: lambda value: f"<{value.reason}>",
}


def plain(value: object) -> object:
    """The value as JSON has it. Bytes are text if they are UTF-8, else ``{"base64": …}``; a map
    is a list of pairs; what was cut is ``{"cut": …, "size": …}``."""
    if isinstance(value, bytes):
        return _plain_bytes(value)
    if isinstance(value, list):
        return [[_plain_bytes(key), _plain_bytes(item)] for key, item in value]
    if isinstance(value, Cut):
        return {"cut": _plain_bytes(value.data), "size": value.size}
    if isinstance(value, Unreadable):
        return {"unreadable": value.reason}
    return value.name.lower() if isinstance(value, IntEnum) else value


def plain_mapping(values: Mapping[str, object]) -> dict[str, object]:
    return {name: plain(value) for name, value in values.items()}


def _plain_bytes(data: bytes) -> object:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode("ascii")}
