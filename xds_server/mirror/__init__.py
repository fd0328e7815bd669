"""The mirror: Envoy's typed messages as protobuf's own C core sees them.

The only module that knows ``google.protobuf``. Each class of ``envoy_data_plane`` has a mirrored
class, built on demand, with all that it reaches, from betterproto2's field metadata into a private
descriptor pool: writing a message through it is about a hundred times faster than betterproto2's
own codec, and reading a request some five hundred times.

Three things differ from Envoy's ``.proto`` files, none of them on the wire or in JSON: a nested
type is a top-level one here; an enum lives in a message of its own, because protobuf wants the
names of values to be unique around it; and there is one file for each message, or for each knot of
messages that refer to one another, because files must not import each other in a circle.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.message import DecodeError

from xds_server import protos
from xds_server.errors import MessageError, ResourceError, WireError
from xds_server.mirror.fields import Field, MessageClass, fields_of
from xds_server.mirror.fill import fill
from xds_server.mirror.knots import knots
from xds_server.mirror.redact import redact
from xds_server.mirror.show import show

_POOL = descriptor_pool.DescriptorPool()
_WELL_KNOWN = (any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
for _module in _WELL_KNOWN:
    _POOL.AddSerializedFile(_module.DESCRIPTOR.serialized_pb)

_SYNTAX = "proto3"
_SCALARS = descriptor_pb2.FieldDescriptorProto.Type
_OPTIONAL = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
_REPEATED = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED

_files: dict[type, str] = {}  # class or enum → the file in the pool that holds its mirror


def serialize(message: protos.Message) -> bytes:
    """The message's bytes, the same for the same content (map keys sorted).

    Raises ``MessageError`` with the path of the first field that holds what it can not hold.
    """
    mirror = mirror_class(type(message))()
    try:
        fill(mirror, message)
    except MessageError as error:
        error.under(type(message).__name__)
        raise
    return mirror.SerializeToString(deterministic=True)  # type: ignore[no-any-return] # protobuf is untyped


def pack(message: protos.Message) -> tuple[str, bytes]:
    """``(type_url, bytes)``, as an ``Any`` and a discovery response carry a message."""
    return type_url_of(type(message)), serialize(message)


def any_of(message: protos.Message) -> protos.protobuf.Any:
    """The message in an ``Any``: what a ``typed_config`` holds."""
    type_url, body = pack(message)
    return protos.protobuf.Any(type_url=type_url, value=body)


def parse(cls: MessageClass, data: bytes) -> Any:
    """The protobuf message in ``data``. Raises ``WireError`` where it is none of that class."""
    try:
        return mirror_class(cls).FromString(data)  # type: ignore[attr-defined] # a class of protobuf, made at run time
    except DecodeError as error:
        reason = str(error).rpartition(": ")[2]
        raise WireError(f"{len(data)} bytes are no {cls.__name__}: {reason}") from error


def parse_text(cls: MessageClass, data: bytes) -> Any:
    """The same from protobuf's text format, UTF-8. Raises ``WireError``."""
    from google.protobuf import text_format  # for those who read files only

    try:
        return text_format.Parse(data.decode(), mirror_class(cls)())
    except (text_format.ParseError, ValueError) as error:
        raise WireError(f"{len(data)} bytes are no {cls.__name__} as text: {error}") from error


def from_json(value: Mapping[str, Any]) -> tuple[str, bytes]:
    """The bytes of a message in proto JSON, whose ``"@type"`` says what it is, and so of every
    ``Any`` inside. Field names may be Envoy's own or JSON's; a ``TypedStruct`` is what it holds.

    Raises ``ResourceError`` for a type that is not known, ``WireError`` for what no such message
    can hold.
    """
    from google.protobuf import json_format  # for those who write messages themselves only

    known = _typed(value)
    type_url = known.pop("@type", "")
    cls = class_of(type_url)
    if cls is None:
        raise ResourceError(f"{type_url or 'nothing'}: Envoy has no message of that type")
    try:
        message = json_format.ParseDict(known, mirror_class(cls)(), descriptor_pool=_POOL)
    except (json_format.ParseError, TypeError, ValueError) as error:
        raise WireError(" ".join(str(error).split())) from error
    return type_url, message.SerializeToString(deterministic=True)


_STRUCTS = ("udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct")


def _typed(value: Any) -> Any:
    """The same with every type inside made known, and no ``TypedStruct``."""
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = {name: _typed(item) for name, item in value.items()}
    type_url = str(found.get("@type", ""))
    if type_url.rpartition("/")[2] in _STRUCTS:
        inner = found.get("value")
        held = inner if isinstance(inner, dict) else {}
        found = {"@type": str(found.get("type_url", found.get("typeUrl", ""))), **held}
        type_url = found["@type"]
    cls = class_of(type_url) if type_url else None
    if cls is not None:
        mirror_class(cls)
    return found


def render(type_url: str, body: bytes, *, secrets: bool = False) -> dict[str, Any]:
    """What the bytes say, in Envoy's own field names and proto JSON's values.

    Every ``Any`` is opened where its type is known (``"@type"`` and its fields beside it), and
    shown as base64 where it is not. Private keys and passwords are not shown, but to who asks for
    ``secrets`` in order to use them. Raises ``ResourceError`` for a type that is not known,
    ``WireError`` for bytes that are not of that type.
    """
    cls = class_of(type_url)
    if cls is None:
        raise ResourceError(f"{type_url}: Envoy has no message of that type")
    message = parse(cls, body)
    if not secrets:
        redact(message, _open_any)
    return show(message, _open_any)


def redacted(type_url: str, body: bytes) -> bytes:
    """The same message without private keys and passwords; see :func:`render`."""
    cls = class_of(type_url)
    if cls is None:
        raise ResourceError(f"{type_url}: Envoy has no message of that type")
    message = parse(cls, body)
    redact(message, _open_any)
    return message.SerializeToString(deterministic=True)  # type: ignore[no-any-return] # protobuf is untyped


def _open_any(type_url: str, body: bytes) -> Any | None:
    cls = class_of(type_url)
    return parse(cls, body) if cls else None


def type_url_of(cls: MessageClass) -> str:
    return protos.message_pool.type_to_url[cls]


def class_of(type_url: str) -> MessageClass | None:
    return protos.class_of(type_url)


@functools.cache
def mirror_class(cls: MessageClass) -> type:
    """Protobuf's class for ``cls``; builds descriptors for what it reaches and nothing else."""
    for knot in knots(cls, lambda each: () if _is_known(each) else _referred(each)):
        _add_file(knot)
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(_full_name(cls)))


def _is_known(cls: MessageClass) -> bool:
    return cls in _files or _is_well_known(cls)


def _is_well_known(cls: type) -> bool:
    return _package(cls) == "google.protobuf" and any(
        cls.__name__ in module.DESCRIPTOR.message_types_by_name
        or cls.__name__ in module.DESCRIPTOR.enum_types_by_name
        for module in _WELL_KNOWN
    )


def _package(cls: type) -> str:
    return cls.__module__.removeprefix("envoy_data_plane.")


def _full_name(cls: type) -> str:
    return f"{_package(cls)}.{cls.__name__}"


def _referred(cls: MessageClass) -> Iterable[MessageClass]:
    return (field.message for field in fields_of(cls) if field.message)


def _add_file(knot: list[MessageClass]) -> None:
    new = [cls for cls in knot if not _is_known(cls)]
    if not new:
        return
    name = f"{_full_name(new[0])}.proto"
    file = _file(name, _package(new[0]))
    needed: dict[str, None] = {}
    for cls in new:
        _files[cls] = name
    for cls in new:
        _describe(file.message_type.add(), cls, needed)
    needed.pop(name, None)
    file.dependency.extend(needed)
    _POOL.AddSerializedFile(file.SerializeToString())


def _file(name: str, package: str) -> descriptor_pb2.FileDescriptorProto:
    return descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax=_SYNTAX)


def _describe(
    described: descriptor_pb2.DescriptorProto, cls: MessageClass, needed: dict[str, None]
) -> None:
    described.name = cls.__name__
    oneofs: dict[str, int] = {}
    for field in fields_of(cls):
        added = described.field.add(name=field.name, number=field.number, label=_OPTIONAL)
        if field.key:
            entry = _entry(described, field, needed)
            added.type = _SCALARS.Value("TYPE_MESSAGE")
            added.type_name, added.label = f".{_full_name(cls)}.{entry}", _REPEATED
            continue
        _set_type(added, field, needed)
        if field.repeated:
            added.label = _REPEATED
        elif field.group:
            added.oneof_index = oneofs.setdefault(field.group, len(oneofs))
    for group in oneofs:
        described.oneof_decl.add(name=group)
    _declare_presence(described, cls)


def _declare_presence(described: descriptor_pb2.DescriptorProto, cls: MessageClass) -> None:
    """Proto3's ``optional`` scalars, each in a oneof of its own that must come after all others."""
    for added, field in zip(described.field, fields_of(cls), strict=True):
        if field.presence and not field.group and not field.message:
            added.oneof_index = len(described.oneof_decl)
            added.proto3_optional = True
            described.oneof_decl.add(name=f"_{field.name}")


def _set_type(
    added: descriptor_pb2.FieldDescriptorProto, field: Field, needed: dict[str, None]
) -> None:
    added.type = _SCALARS.Value(f"TYPE_{field.proto_type.upper()}")
    if field.message:
        added.type_name = f".{_full_name(field.message)}"
        needed[_file_of(field.message)] = None
    elif field.enum:
        added.type_name = _enum_name(field.enum)
        needed[_file_of_enum(field.enum)] = None


def _file_of(cls: type) -> str:
    if cls not in _files:
        found = _POOL.FindMessageTypeByName(_full_name(cls))
        _files[cls] = found.file.name
    return _files[cls]


def _entry(described: descriptor_pb2.DescriptorProto, field: Field, needed: dict[str, None]) -> str:
    """Adds the message behind a map field, named as protobuf's compiler does; returns its name."""
    name = "".join(part.capitalize() for part in field.name.split("_")) + "Entry"
    entry = described.nested_type.add(name=name)
    entry.options.map_entry = True
    key = entry.field.add(name="key", number=1, label=_OPTIONAL)
    key.type = _SCALARS.Value(f"TYPE_{(field.key or '').upper()}")
    _set_type(entry.field.add(name="value", number=2, label=_OPTIONAL), field, needed)
    return name


def _enum_name(enum: type[IntEnum]) -> str:
    return f".{_full_name(enum)}{'' if _is_well_known(enum) else '_.Values'}"


def _file_of_enum(enum: type[IntEnum]) -> str:
    if _is_well_known(enum):
        return "google/protobuf/struct.proto"
    if enum not in _files:
        _files[enum] = f"{_full_name(enum)}.enum.proto"
        file = _file(_files[enum], _package(enum))
        values = file.message_type.add(name=f"{enum.__name__}_").enum_type.add(name="Values")
        for member in sorted(enum, key=lambda member: member != 0):  # proto3 wants 0 to come first
            name = getattr(member, "proto_name", None) or member.name
            values.value.add(name=name, number=int(member))
        _POOL.AddSerializedFile(file.SerializeToString())
    return _files[enum]
