"""Protobuf messages written by hand, field by field, as the wire has them."""

from __future__ import annotations


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: bytes | str | int) -> bytes:
    """One field: a text or bytes with its length, or a number."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def declared(
    name: str, readonly: bool = False, kind: int = 0, schema: str = "", span: int = 0
) -> bytes:
    """DeclarePropertyArguments of declare_property.proto."""
    fields = [(1, name), (2, int(readonly)), (3, kind), (4, schema), (5, span)]
    return b"".join(field(number, value) for number, value in fields if value)


def filter_state(path: str, value: str, span: int = 0) -> bytes:
    """SetEnvoyFilterStateArguments of set_envoy_filter_state.proto."""
    return field(1, path) + field(2, value) + (field(3, span) if span else b"")
