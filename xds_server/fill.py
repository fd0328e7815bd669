"""Writes typed messages into protobuf's own: the plan of a class, made once, run for each message.

A typed message is a plain dataclass that checks nothing, so its values are checked here, where
they are read anyway. A wrong one is a ``MessageError`` that names the field by its path.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from xds_server import protos
from xds_server.errors import MessageError
from xds_server.fields import Field, MessageClass, fields_of

Writer = Callable[[Any, Any], None]  # (protobuf message, typed value): writes one field or message

_BOOL, _NUMBER, _TEXT = (bool,), (int, float), (str,)
_ACCEPTED: Mapping[str, tuple[type, ...]] = {
    "bool": _BOOL,
    "string": _TEXT,
    "bytes": (bytes,),
    "double": _NUMBER,
    "float": _NUMBER,
}
_INTEGER = (int,)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one class is written: fields that always hold a value, those that may be ``None``."""

    always: tuple[tuple[str, type, Writer], ...]
    optional: tuple[tuple[str, Writer], ...]
    oneofs: tuple[tuple[str, ...], ...]


def fill(mirror: Any, message: protos.Message) -> None:
    """Writes ``message`` into ``mirror``, an empty protobuf message of the same type.

    Raises ``MessageError`` for a value of a wrong type or out of its range, for an unknown enum
    number, and for two members of one oneof.
    """
    values = vars(message)
    plan = plan_of(type(message))
    name = ""
    try:
        for name, kind, write in plan.always:
            value = values[name]
            if value:
                write(mirror, value)
            elif value is not None and not isinstance(value, kind):
                raise _unexpected(value, kind.__name__)
        for name, write in plan.optional:
            value = values[name]
            if value is not None:
                write(mirror, value)
    except MessageError as error:
        error.under(f".{name}")
        raise
    _check_oneofs(plan, values)
    if unknown := values.get("_unknown_fields"):
        mirror.MergeFromString(unknown)


def _check_oneofs(plan: Plan, values: Mapping[str, Any]) -> None:
    for members in plan.oneofs:
        given = [name for name in members if values[name] is not None]
        if len(given) > 1:
            reason = f"set together with {given[0]}, wanted only one of the two"
            raise MessageError(reason, [f".{given[1]}"])


@functools.cache
def plan_of(cls: MessageClass) -> Plan:
    fields = fields_of(cls)
    groups: dict[str, list[str]] = {}
    for field in fields:
        if field.group:
            groups.setdefault(field.group, []).append(field.name)
    return Plan(
        always=tuple((f.name, _kind(f), _writer(f)) for f in fields if not f.presence),
        optional=tuple((f.name, _writer(f)) for f in fields if f.presence),
        oneofs=tuple(tuple(members) for members in groups.values()),
    )


def _kind(field: Field) -> type:
    if field.key:
        return dict
    if field.repeated:
        return list
    return _ACCEPTED.get(field.proto_type, _INTEGER)[-1]


def _writer(field: Field) -> Writer:
    """Writes one field: three shapes (single, list, map) of two sorts (message, scalar)."""
    write = _content_writer(field) if field.message else None
    if field.key:
        return _map_writer(field.name, _message_entry(write) if write else _scalar_entry(field))
    if field.repeated:
        return _list_writer(field.name, _message_element(write) if write else _append(field))
    return _message_writer(field.name, write) if write else _scalar_writer(field)


def _message_writer(name: str, write: Writer) -> Writer:
    def write_message(mirror: Any, value: Any) -> None:
        content = getattr(mirror, name)
        content.SetInParent()  # an empty message is there, too
        write(content, value)

    return write_message


def _list_writer(name: str, add: Writer) -> Writer:
    def write_list(mirror: Any, values: Any) -> None:
        if not isinstance(values, (list, tuple)):
            raise _unexpected(values, "list")
        container = getattr(mirror, name)
        for index, value in enumerate(values):
            try:
                add(container, value)
            except MessageError as error:
                error.under(f"[{index}]")
                raise

    return write_list


def _map_writer(name: str, put: Callable[[Any, Any, Any], None]) -> Writer:
    def write_map(mirror: Any, values: Any) -> None:
        if not isinstance(values, Mapping):
            raise _unexpected(values, "dict")
        container = getattr(mirror, name)
        for key, value in values.items():
            try:
                put(container, key, value)
            except MessageError as error:
                error.under(f"[{key!r}]")
                raise

    return write_map


def _message_element(write: Writer) -> Writer:
    return lambda container, value: write(container.add(), value)


def _message_entry(write: Writer) -> Callable[[Any, Any, Any], None]:
    def put(container: Any, key: Any, value: Any) -> None:
        try:
            content = container[key]
        except (TypeError, ValueError) as error:
            raise MessageError("wanted another type of key") from error
        write(content, value)

    return put


def _scalar_entry(field: Field) -> Callable[[Any, Any, Any], None]:
    check, proto_type = _scalar_check(field), field.proto_type

    def put(container: Any, key: Any, value: Any) -> None:
        check(value)
        try:
            container[key] = value
        except (TypeError, ValueError) as error:
            raise _unexpected(value, proto_type) from error

    return put


def _append(field: Field) -> Writer:
    check, proto_type = _scalar_check(field), field.proto_type

    def append(container: Any, value: Any) -> None:
        check(value)
        try:
            container.append(value)
        except (TypeError, ValueError) as error:
            raise _unexpected(value, proto_type) from error

    return append


def _scalar_writer(field: Field) -> Writer:
    name, check, proto_type = field.name, _scalar_check(field), field.proto_type

    def write_scalar(mirror: Any, value: Any) -> None:
        check(value)
        try:
            setattr(mirror, name, value)
        except (TypeError, ValueError) as error:
            raise _unexpected(value, proto_type) from error

    return write_scalar


def _content_writer(field: Field) -> Writer:
    """Writes the content of a message field into the protobuf message that is there for it."""
    cls = field.message
    assert cls is not None
    if not field.plain:

        def write_content(mirror: Any, value: Any) -> None:
            if type(value) is not cls:
                raise _unexpected(value, cls.__name__)
            fill(mirror, value)

        return write_content
    if cls.__name__ in _PLAIN:
        return _PLAIN[cls.__name__]
    (wrapped,) = fields_of(cls)  # BoolValue, UInt32Value and their like
    return _scalar_writer(wrapped)


def _write_duration(mirror: Any, value: Any) -> None:
    if not isinstance(value, timedelta):
        raise _unexpected(value, "timedelta")
    micros = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    seconds, rest = divmod(abs(micros), 1_000_000)
    sign = -1 if micros < 0 else 1  # both parts of a Duration carry the sign
    mirror.seconds = sign * seconds
    mirror.nanos = sign * rest * 1_000


def _write_timestamp(mirror: Any, value: Any) -> None:
    if not isinstance(value, datetime):
        raise _unexpected(value, "datetime")
    mirror.FromDatetime(value)


_PLAIN: Mapping[str, Writer] = {"Duration": _write_duration, "Timestamp": _write_timestamp}


def _scalar_check(field: Field) -> Callable[[Any], None]:
    if field.enum:
        known = frozenset(int(member) for member in field.enum)
        title = field.enum.__name__

        def check_enum(value: Any) -> None:
            if not isinstance(value, int) or value not in known:
                raise _unexpected(value, f"a member of {title}")

        return check_enum
    accepted = _ACCEPTED.get(field.proto_type, _INTEGER)
    truth = bool in accepted

    def check(value: Any) -> None:
        if not isinstance(value, accepted) or (value is True and not truth):
            raise _unexpected(value, field.proto_type)

    return check


def _unexpected(value: Any, wanted: str) -> MessageError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return MessageError(f"got {type(value).__name__} {shown}, wanted {wanted}")
