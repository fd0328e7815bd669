"""Shows protobuf messages as plain data: Envoy's field names, the values of proto JSON.

https://protobuf.dev/programming-guides/json, with two deviations that make it fit for reading:
field names stay as in Envoy's documentation (snake_case), and an ``Any`` of a type that is not
known is shown as base64 instead of being an error.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from typing import Any

Opener = Callable[[str, bytes], Any | None]  # (type_url, bytes) → message, None: type not known

_ENUM, _BYTES = 14, 12  # FieldDescriptorProto.Type
_LONG = frozenset({3, 4, 6, 16, 18})  # 64 bits: JSON's numbers can not hold them, text can
_REAL = frozenset({1, 2})


def show(message: Any, open_any: Opener) -> dict[str, Any]:
    """All fields that are set, by name; ``open_any`` turns an ``Any``'s content to a message."""
    return {field.name: _field(field, value, open_any) for field, value in message.ListFields()}


def _field(field: Any, value: Any, open_any: Opener) -> Any:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        held = entry.fields_by_name["value"]
        return {_key(key): _single(held, value[key], open_any) for key in sorted(value)}
    if field.is_repeated:
        return [_single(field, each, open_any) for each in value]
    return _single(field, value, open_any)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _single(field: Any, value: Any, open_any: Opener) -> Any:
    if field.message_type is not None:
        shower = _WELL_KNOWN.get(field.message_type.full_name)
        return shower(value, open_any) if shower else show(value, open_any)
    if field.type == _ENUM:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    if field.type == _BYTES:
        return base64.b64encode(value).decode()
    if field.type in _LONG:
        return str(value)
    return _real(value) if field.type in _REAL else value


def _real(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _any(message: Any, open_any: Opener) -> Any:
    if not message.type_url:
        return {}  # an empty one: a type of "" is none, and nobody could read it again
    content = open_any(message.type_url, message.value)
    if content is None:
        return {"@type": message.type_url, "value": base64.b64encode(message.value).decode()}
    shower = _WELL_KNOWN.get(content.DESCRIPTOR.full_name)
    if shower:
        return {"@type": message.type_url, "value": shower(content, open_any)}
    return {"@type": message.type_url, **show(content, open_any)}


def _wrapped(message: Any, open_any: Opener) -> Any:
    return _single(message.DESCRIPTOR.fields_by_name["value"], message.value, open_any)


def _text(message: Any, open_any: Opener) -> Any:
    return message.ToJsonString()


def _struct(message: Any, open_any: Opener) -> Any:
    return {key: _value(message.fields[key], open_any) for key in sorted(message.fields)}


def _list(message: Any, open_any: Opener) -> Any:
    return [_value(value, open_any) for value in message.values]


def _value(message: Any, open_any: Opener) -> Any:
    kind = message.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    held = getattr(message, kind)
    if kind == "struct_value":
        return _struct(held, open_any)
    return _list(held, open_any) if kind == "list_value" else held


_WRAPPERS = ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")

_WELL_KNOWN: Mapping[str, Callable[[Any, Opener], Any]] = {
    "google.protobuf.Any": _any,
    "google.protobuf.Duration": _text,
    "google.protobuf.Timestamp": _text,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _value,
    "google.protobuf.ListValue": _list,
    **{f"google.protobuf.{name}Value": _wrapped for name in _WRAPPERS},
}
