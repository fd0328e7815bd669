"""Protobuf's wire format without descriptors: fields by number, and a guess at what they hold.

Numbers and lengths are on the wire, names and types are not. A length-delimited field is shown as
a string where it is printable UTF-8, as a message where it parses as one, else as bytes: the guess
of ``protoc --decode_raw`` with strings first. The text is written as that tool writes it.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tap.content.nouns import Undecodable
from tap.content.text import is_text

MAX_FIELDS = 10_000  # of one message, nested ones counted
MAX_DEPTH = 16  # messages in messages; deeper ones are bytes
MAX_GROUPS = 32  # groups in groups
MAX_SHOWN = 64  # bytes of a field that are written out in the text

VARINT, FIXED64, BYTES, START, END, FIXED32 = range(6)
_LAST_FIELD = 2**29 - 1


@dataclass(frozen=True, slots=True)
class Field:
    """``value``: a number for VARINT, FIXED32 and FIXED64; bytes; of a group (START) its fields."""

    number: int
    wire: int
    value: int | bytes | tuple[Field, ...]


class TooMany(Undecodable):
    """More than ``MAX_FIELDS`` fields."""


class _Reader:
    def __init__(self, data: bytes, most: int = MAX_FIELDS) -> None:
        self._data = data
        self._at = 0
        self._left = most
        self.whole = 0  # the end of the last whole field outside of any group

    def fields(self, group: int = 0, depth: int = 0) -> Iterator[Field]:
        """Until the end of the data, or of the group. Raises Undecodable."""
        while self._at < len(self._data):
            tag = self.varint(5)
            number, wire = tag >> 3, tag & 7
            if not 0 < number <= _LAST_FIELD:
                raise Undecodable(f"no protobuf: a field with the number {number}")
            if wire == END:
                if number != group:
                    raise Undecodable(f"no protobuf: the end of group {number} without its start")
                return
            yield self._field(number, wire, depth)
            if not group:
                self.whole = self._at
        if group:
            raise Undecodable(f"no protobuf: group {group} has no end")

    def _field(self, number: int, wire: int, depth: int) -> Field:
        self._left -= 1
        if self._left < 0:
            raise TooMany(f"more than {MAX_FIELDS:,} fields")
        if wire == VARINT:
            return Field(number, wire, self.varint(10) & (2**64 - 1))
        if wire == BYTES:
            return Field(number, wire, self._bytes(self.varint(10)))
        if wire in (FIXED32, FIXED64):
            return Field(
                number, wire, int.from_bytes(self._bytes(8 if wire == FIXED64 else 4), "little")
            )
        if wire == START and depth < MAX_GROUPS:
            return Field(number, wire, tuple(self.fields(number, depth + 1)))
        raise Undecodable(f"no protobuf: field {number} has the wire type {wire}")

    def varint(self, most: int) -> int:
        value = 0
        for at in range(most):
            if self._at >= len(self._data):
                raise Undecodable("no protobuf: it ends within a number")
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << (7 * at)
            if byte < 0x80:
                return value
        raise Undecodable(f"no protobuf: a number of more than {most} bytes")

    def _bytes(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise Undecodable("no protobuf: a field is longer than the message")
        self._at += size
        return self._data[self._at - size : self._at]


def fields_of(data: bytes) -> list[Field]:
    """The fields of one message. Raises Undecodable."""
    fields, _, why = _beginning(data)
    if why is not None:
        raise why
    return fields


def whole_fields(data: bytes) -> bytes:
    """The beginning of ``data`` that is a message: all before the field that a cut went through."""
    return data[: _beginning(data)[1]]


def _beginning(data: bytes) -> tuple[list[Field], int, Undecodable | None]:
    """The fields of a message, the end of the last one, and why they are not all."""
    reader = _Reader(data)
    fields: list[Field] = []
    try:
        for field in reader.fields():
            fields.append(field)
    except Undecodable as error:
        return fields, reader.whole, error
    return fields, len(data), None


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def by_number(data: bytes) -> tuple[Any, str, tuple[str, ...]]:
    """``{"1": value}``, its text, and notes. Raises Undecodable.

    A number that comes several times has a list. Bytes are ``{"hex": …}``. A fixed number may be a
    float as well, so it is ``{"fixed": …, "float": …}``.
    """
    fields, _, why = _beginning(data)
    if why is not None and not isinstance(why, TooMany):
        raise why
    value, lines = _Guesser().message(fields, 0)
    notes = (f"only the first {len(fields):,} fields are shown",) if why else ()
    return value, "\n".join(lines), notes


class _Guesser:
    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def message(self, fields: list[Field] | tuple[Field, ...], depth: int) -> tuple[Any, list[str]]:
        self._left -= len(fields)
        values: dict[str, list[Any]] = {}
        lines: list[str] = []
        for field in fields:
            value, text = self._field(field, depth)
            values.setdefault(str(field.number), []).append(value)
            lines += text
        return {name: them[0] if len(them) == 1 else them for name, them in values.items()}, lines

    def _field(self, field: Field, depth: int) -> tuple[Any, list[str]]:
        if isinstance(field.value, tuple):
            return self._nested(field.number, field.value, depth)
        if isinstance(field.value, bytes):
            return self._bytes(field.number, field.value, depth)
        if field.wire == VARINT:
            return field.value, [f"{field.number}: {field.value}"]
        return _fixed(field.number, field.value, 8 if field.wire == FIXED64 else 4)

    def _bytes(self, number: int, data: bytes, depth: int) -> tuple[Any, list[str]]:
        text = _text_of(data)
        if text is not None and text.isprintable():
            return text, [f"{number}: {json.dumps(text, ensure_ascii=False)}"]
        if depth < MAX_DEPTH and (fields := self._message_in(data)) is not None:
            return self._nested(number, fields, depth)
        if text is not None and is_text(data):
            return text, [f"{number}: {json.dumps(text, ensure_ascii=False)}"]
        more = "…" if len(data) > MAX_SHOWN else ""
        shown = f"{data[:MAX_SHOWN].hex(' ')}{more}"
        return {"hex": data.hex()}, [f"{number}: {len(data):,} bytes {shown}"]

    def _message_in(self, data: bytes) -> list[Field] | None:
        try:
            return list(_Reader(data, max(self._left, 0)).fields())
        except Undecodable:
            return None

    def _nested(
        self, number: int, fields: list[Field] | tuple[Field, ...], depth: int
    ) -> tuple[Any, list[str]]:
        value, lines = self.message(fields, depth + 1)
        return value, [f"{number} {{", *(f"  {line}" for line in lines), "}"]


def _text_of(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _fixed(number: int, value: int, size: int) -> tuple[Any, list[str]]:
    (real,) = struct.unpack("<d" if size == 8 else "<f", value.to_bytes(size, "little"))
    shown = f"{number}: 0x{value:0{size * 2}x}"
    if not math.isfinite(real):
        return {"fixed": value}, [shown]
    return {"fixed": value, "float": real}, [f"{shown}  # {real:.6g} as a float"]
