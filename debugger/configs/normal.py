"""One form for a message that is written as JSON: what means the same looks the same.

Writers differ. One leaves defaults out, another fills them in; a 64-bit integer is text or a
number, a duration ``1s`` or ``1.000s``, a field ``route_config`` or ``routeConfig``, an enum a name
or a number. In normal form, defaults are left out where their absence means the same, and the rest
is written in one way. The message's own descriptor says what is what, also within an ``Any``.

https://protobuf.dev/programming-guides/json
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from xds_server import mirror

MAX_DEPTH = 100  # of messages in one another, as protobuf's own readers have it

_ENUM, _FLOAT = 14, 2  # FieldDescriptorProto.Type
_LONG = frozenset({3, 4, 6, 16, 18})  # 64 bits
_SOURCE = "envoy.config.core.v3.DataSource"
# How redaction is written: by us, and by Envoy in base64 where the field has bytes.
_HIDDEN = ("[redacted]", "W3JlZGFjdGVkXQ==")


class NotReadable(Exception):
    """It is no message of that type, or one that is nested too deeply."""


def normal(type_url: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The normal form of a message of that type; of a type that is not known, the content as it is.

    Raises ``NotReadable``.
    """
    cls = mirror.class_of(type_url)
    if cls is None:
        return dict(content)
    try:
        return _message(mirror.mirror_class(cls).DESCRIPTOR, content, 0)  # type: ignore[attr-defined] # a class of protobuf, made at run time
    except (TypeError, ValueError, AttributeError, InvalidOperation) as error:
        raise NotReadable(f"{type_url.rpartition('.')[2]}: {error}") from error


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, with its path: ``virtual_hosts[0].routes[1].match.prefix``.

    An empty message is a value too: that it is there may mean something.
    """
    if isinstance(value, Mapping) and value:
        for key, held in value.items():
            yield from leaves(held, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, held in enumerate(value):
            yield from leaves(held, f"{path}[{index}]")
    else:
        yield path, value


def _message(descriptor: Any, content: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise NotReadable(f"it is nested more than {MAX_DEPTH} deep")
    if descriptor.full_name == _SOURCE and any(each in _HIDDEN for each in content.values()):
        return {"inline_string": _HIDDEN[0]}
    named = descriptor.fields_by_name
    camel = descriptor.fields_by_camelcase_name
    found = {}
    for key, value in content.items():
        field = named.get(key) or camel.get(key)
        if field is None:  # of a newer Envoy's
            found[key] = value
        elif not _absent(field, shown := _field(field, value, depth)):
            found[field.name] = shown
    return dict(sorted(found.items()))


def _field(field: Any, value: Any, depth: int) -> Any:
    if value is None:
        return None
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        held = entry.fields_by_name["value"]
        return {key: _single(held, each, depth) for key, each in sorted(value.items())}
    if field.is_repeated:
        return [_single(field, each, depth) for each in value]
    return _single(field, value, depth)


def _absent(field: Any, value: Any) -> bool:
    """Whether it says no more than nothing would."""
    if value is None or (field.is_repeated and not value):
        return True
    if field.is_repeated or field.has_presence:
        return False
    default = field.default_value
    if field.type == _ENUM:
        default = _enum(field, default)
    return bool(value == ("" if isinstance(default, bytes) else default))


def _single(field: Any, value: Any, depth: int) -> Any:
    if field.message_type is not None:
        reader = _WELL_KNOWN.get(field.message_type.full_name)
        return reader(value, depth) if reader else _message(field.message_type, value, depth + 1)
    if field.type == _ENUM:
        return _enum(field, value)
    if field.type in _LONG:
        return int(value)
    return _float(value, 0) if field.type == _FLOAT else value


def _enum(field: Any, value: Any) -> Any:
    known = field.enum_type.values_by_number.get(value) if isinstance(value, int) else None
    return known.name if known else value


def _any(value: Mapping[str, Any], depth: int) -> Any:
    """An empty wrapper, and an ``Any`` of nothing, are written with a value by some only."""
    type_url = str(value.get("@type", ""))
    held = {key: each for key, each in value.items() if key != "@type"}
    cls = mirror.class_of(type_url)
    if cls is None:
        shown = {key: each for key, each in held.items() if (key, each) != ("value", "")}
        return {"@type": type_url, **shown} if type_url or shown else {}
    descriptor = mirror.mirror_class(cls).DESCRIPTOR  # type: ignore[attr-defined] # a class of protobuf, made at run time
    reader = _WELL_KNOWN.get(descriptor.full_name)
    if reader is None:
        return {"@type": type_url, **_message(descriptor, held, depth + 1)}
    shown = {"value": reader(held["value"], depth)} if held.get("value") else {}
    return {"@type": type_url, **shown}


def _duration(value: str, depth: int) -> str:
    return f"{Decimal(value.removesuffix('s')).normalize():f}s"


def _plain(value: Any, depth: int) -> Any:
    return value


def _whole(value: Any, depth: int) -> int:
    return int(value)


def _float(value: Any, depth: int) -> Any:
    """What is left of it in 32 bits: writers disagree on how many digits to show."""
    if not isinstance(value, int | float):
        return value  # NaN and the infinities are text
    return struct.unpack("f", struct.pack("f", value))[0]


_WELL_KNOWN: Mapping[str, Callable[[Any, int], Any]] = {
    "google.protobuf.Any": _any,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FloatValue": _float,
    "google.protobuf.Int64Value": _whole,
    "google.protobuf.UInt64Value": _whole,
    **{
        f"google.protobuf.{name}": _plain
        for name in ("Timestamp", "Struct", "Value", "ListValue", "FieldMask", "BoolValue",
                     "StringValue", "BytesValue", "DoubleValue", "Int32Value", "UInt32Value")
    },
}  # fmt: skip
