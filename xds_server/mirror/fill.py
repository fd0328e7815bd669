"""Writes typed messages into protobuf's own: the plan of a class, made once, run for each message.

A typed message is a plain dataclass that checks nothing, so its values are checked here, where
they are read anyway. A wrong one is a ``MessageError`` that names the field by its path.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from xds_server import protos
from xds_server.errors import MessageError
from xds_server.mirror.fields import Field, MessageClass, fields_of

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


class Step(NamedTuple):
    """How a field is written; ``kind`` is its type if it has no presence: a zero is not sent."""

    write: Writer
    kind: type | None
    group: str | None


def fill(mirror: Any, message: protos.Message) -> None:
    """Writes ``message`` into ``mirror``, an empty protobuf message of the same type.

    Only what was given to the message is looked at: its unset fields are not in it.

    Raises ``MessageError`` for a value of a wrong type or out of its range, for an unknown enum
    number, and for two members of one oneof.
    """
    plan = plan_of(type(message))
    chosen: dict[str, str] = {}
    name = ""
    try:
        for name, value in vars(message).items():
            step = plan.get(name)
            if value is None or step is None:
                continue
            if step.kind is None or value:
                step.write(mirror, value)
            elif not isinstance(value, step.kind):
                raise _unexpected(value, step.kind.__name__)
            if step.group:
                _choose(chosen, step.group, name)
    except MessageError as error:
        error.under(f".{name}")
        raise
    if message._unknown_fields:
        mirror.MergeFromString(message._unknown_fields)


def _choose(chosen: dict[str, str], group: str, name: str) -> None:
    first = chosen.setdefault(group, name)
    if first != name:
        raise MessageError(f"set together with {first}, wanted only one of the two")


@functools.cache
def plan_of(cls: MessageClass) -> Mapping[str, Step]:
    """By name of the field."""
    return {
        field.name: Step(_writer(field), None if field.presence else _kind(field), field.group)
        for field in fields_of(cls)
    }


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
        write(content, value)
        content.SetInParent()  # an empty message is there, too

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
