"""The fields of Envoy's message classes, read out of betterproto2's metadata.

One reading serves both ends of the mirror: ``mirror.py`` builds protobuf descriptors from it,
``fill.py`` the plan by which a typed message is written.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import typing
from typing import Any

from xds_server import protos

MessageClass = type[protos.Message]


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One field of a message class.

    ``proto_type`` is protobuf's own word ("uint32", "message", "map"). ``message`` is the class on
    the wire; ``plain`` says that the typed message holds an ordinary value in its stead: an ``int``
    for ``UInt32Value``, a ``timedelta`` for ``Duration``. A map has its key's type in ``key``, and
    its other attributes describe its value. ``presence``: ``None`` means unset, all else is sent.
    """

    name: str
    number: int
    proto_type: str
    repeated: bool = False
    presence: bool = False
    group: str | None = None
    key: str | None = None
    message: MessageClass | None = None
    plain: bool = False
    enum: type[enum.IntEnum] | None = None


@functools.cache
def fields_of(cls: MessageClass) -> tuple[Field, ...]:
    """All fields of ``cls`` in the order in which it declares them."""
    hints = cls._type_hints()
    described = dataclasses.fields(typing.cast(Any, cls))
    return tuple(_field(f.name, f.metadata["betterproto"], hints[f.name]) for f in described)


def _field(name: str, meta: Any, hint: Any) -> Field:
    key, value = meta.map_meta or (None, meta)
    held = _innermost(hint)
    message = None
    if value.proto_type == "message":
        message = value.unwrap() if value.unwrap else held
    return Field(
        name=name,
        number=meta.number,
        proto_type=value.proto_type,
        repeated=bool(meta.repeated),
        presence=bool(meta.optional),
        group=meta.group,
        key=key.proto_type if key else None,
        message=message,
        plain=bool(value.unwrap),
        enum=held if value.proto_type == "enum" else None,
    )


def _innermost(hint: Any) -> Any:
    """``X`` of ``X``, ``X | None``, ``list[X]`` and ``dict[str, X]``."""
    held = [arg for arg in typing.get_args(hint) if arg is not type(None)]
    return _innermost(held[-1]) if held else hint
