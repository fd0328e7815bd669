"""What an attribute can be, and the bytes that ``proxy_get_property`` hands over for it.

The types are those of the Common Expression Language, because expressions see the same values.
A plain ``int`` is CEL's int, ``str`` and ``bytes`` are its string (a header is not always UTF-8),
``dict`` and ``list`` its map and list; what Python has no type for is here. A protobuf message is
a value, too. ``None`` always means that there is no such attribute now.
Source: envoy, source/extensions/common/wasm/context.cc (serializeValue).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, Protocol

from wasm_filters.pairs import encode_pairs
from wasm_filters.state.header_map import HeaderMap

_I64 = struct.Struct("<q")
_U64 = struct.Struct("<Q")
_F64 = struct.Struct("<d")
_MAX = (1 << 63) - 1
_INDEX = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)[ \t\n\v\f\r]*", re.ASCII)  # absl::SimpleAtoi


class Unserialisable(Exception):
    """The value can not be handed over: SERIALIZATION_FAILURE."""


class Uint(int):
    """An unsigned integer of 64 bits."""


class Duration(int):
    """A span of time, in nanoseconds."""


class Timestamp(int):
    """A moment, in nanoseconds since the epoch."""


class Blob(bytes):
    """Bytes that are not a text."""


class Special(Enum):
    """NULL is CEL's null. BROKEN is a message that can not be read, or whose type nobody knows.
    FAMILY is what ``request`` names: it has attributes and is none."""

    NULL = auto()
    BROKEN = auto()
    FAMILY = auto()


NULL = Special.NULL
BROKEN = Special.BROKEN
FAMILY = Special.FAMILY


class Record(dict[str, Any]):
    """A map whose members can be asked for, and that lists none of them."""


class Fields:
    """The headers or trailers as a map: names in any case, a name's values joined by commas."""

    __slots__ = ("_fields",)

    def __init__(self, fields: HeaderMap | None) -> None:
        self._fields = fields

    def get(self, name: bytes) -> bytes | None:
        return self._fields.joined(name) if self._fields is not None else None

    def joined(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for name, value in self._fields.pairs if self._fields is not None else ():
            found[name] = found[name] + b"," + value if name in found else value
        return found


class Message(Protocol):
    """A protobuf message of ``wasm_filters.messages``."""

    def SerializeToString(self, *, deterministic: bool) -> bytes: ...


Scalar = bool | int | float | str | bytes
Value = Scalar | Special | Fields | Message | dict[str, Any] | list[Any] | None


def encode(value: Value) -> bytes:
    """The value's bytes. Unserialisable: it is null, broken or a whole family, or holds one."""
    encoder = _ENCODERS.get(type(value))
    if encoder is not None:
        return encoder(value)
    if value is not None and hasattr(value, "SerializeToString"):
        return value.SerializeToString(deterministic=True)
    raise Unserialisable


def _refuse(value: Special) -> bytes:
    raise Unserialisable


def _map(value: Mapping[Any, Any]) -> bytes:
    """In Envoy a map's members come in no order; here they come as they are."""
    return encode_pairs([(encode(key), encode(member)) for key, member in value.items()])


def _list(value: Sequence[Any]) -> bytes:
    return encode_pairs([(encode(member), b"") for member in value])


_ENCODERS: Mapping[type, Callable[[Any], bytes]] = {
    bytes: bytes,
    Blob: bytes,
    str: str.encode,
    bool: lambda value: b"\1" if value else b"\0",
    int: _I64.pack,
    Uint: _U64.pack,
    float: _F64.pack,
    Duration: lambda value: _I64.pack(max(-_MAX - 1, min(value, _MAX))),
    Timestamp: lambda value: _I64.pack(max(-_MAX - 1, min(value, _MAX))),
    Fields: lambda value: encode_pairs(list(value.joined().items())),
    Record: lambda value: encode_pairs([]),
    dict: _map,
    list: _list,
    Special: _refuse,
}


def member(value: Value, name: bytes) -> Value:
    """What ``name`` is in ``value``: a field, a key, an index; None if there is none."""
    if isinstance(value, Fields):
        return value.get(name)
    if isinstance(value, dict):
        found: Value = value.get(name.decode("utf-8", "replace"))
        return found
    if isinstance(value, list):
        return _item(value, name)
    if hasattr(value, "SerializeToString"):
        from wasm_filters.messages import field  # protobuf takes 50 ms to import

        return field(value, name.decode("utf-8", "replace"))
    return None


def _item(value: list[Any], name: bytes) -> Value:
    match = _INDEX.fullmatch(name.decode("latin-1"))
    index = int(match.group(1)) if match else -1
    found: Value = value[index] if 0 <= index < len(value) else None
    return found


def of_user(value: object) -> Value:
    """A value that a user gave: bytes are bytes, None is null, and all else as it is.

    ValueError: it is no attribute's value, or an integer of more than 64 bits.
    """
    if value is None:
        return NULL
    if isinstance(value, bytes | bytearray):
        return Blob(value)
    if isinstance(value, Mapping):
        return {str(key): of_user(each) for key, each in value.items()}
    if isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, Sequence):
        return [of_user(each) for each in value]
    raise ValueError(
        f"{value!r} is no attribute's value, expected a text, a number, bytes, a map or a list"
    )


def _integer(value: int) -> int:
    lowest, highest = (0, 2 * _MAX + 1) if isinstance(value, Uint) else (-_MAX - 1, _MAX)
    if not lowest <= value <= highest:
        raise ValueError(f"{value} has more than 64 bits")
    return value
