"""The headers of a gRPC stream, of a sender that keeps no table: a few named fields of them. Pure.

HPACK's table is what makes reading headers slow. A sender that was told so does without (its
``SETTINGS_HEADER_TABLE_SIZE`` is 0; Envoy: ``hpack_table_size``), and then all fields but the few
that are asked for can be passed over, not even decoded.

Source: RFC 7541 (HPACK), sections 5 and 6.
"""

from __future__ import annotations

import functools

from hpack.exceptions import HPACKError
from hpack.huffman_table import decode_huffman

STATIC = 61  # fields in the table that both sides know (Appendix A); none of them is asked for
MAX_LENGTH = 1 << 28  # no number in a header is longer


class BlockError(ValueError):
    """Bytes that are no headers, or some for which a table is needed."""


def named(block: bytes, prefix: str) -> dict[str, str]:
    """The values of the fields whose names begin with ``prefix``, by the rest of their names.

    Raises BlockError.
    """
    try:
        return _named(block, prefix)
    except (IndexError, HPACKError, UnicodeDecodeError) as error:
        raise BlockError(f"headers that can't be read: {error}") from error


def _named(block: bytes, prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:  # a field of a table
            index, at = _number(block, at, 0x7F)
            _check_static(index, 1)
        elif first & 0xE0 == 0x20:  # the size of the sender's table
            size, at = _number(block, at, 0x1F)
            _check_static(size + STATIC, 0)
        else:  # a value, and a name that may be one of a table
            index, at = _number(block, at, 0x3F if first & 0x40 else 0x0F)
            _check_static(index, 0)
            name, at = ("", at) if index else _name(block, at)
            value, end = _string(block, at)
            if name.startswith(prefix):
                found[name[len(prefix) :]] = _text(bool(block[at] & 0x80), value)
            at = end
    return found


def _check_static(index: int, least: int) -> None:
    if not least <= index <= STATIC:
        raise BlockError(f"field {index} of a table, expected none but the {STATIC} static ones")


def _name(block: bytes, at: int) -> tuple[str, int]:
    name, end = _string(block, at)
    return _text(bool(block[at] & 0x80), name), end


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    """Section 5.2: its bytes as they are, and where it ends."""
    length, at = _number(block, at, 0x7F)
    end = at + length
    if end > len(block):
        raise BlockError("headers that end too early")
    return block[at:end], end


def _number(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """Section 5.1: the number in the low bits of a byte, or in those that follow."""
    number = block[at] & mask
    at += 1
    if number < mask:
        return number, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        number += (byte & 0x7F) << shift
        shift += 7
        if number > MAX_LENGTH or shift > 35:
            raise BlockError("a number that is too long")
        if not byte & 0x80:
            return number, at


@functools.lru_cache(maxsize=4096)
def _text(coded: bool, data: bytes) -> str:
    """Names are a few, and so are most values."""
    found: bytes = decode_huffman(data) if coded else data
    return found.decode("ascii")
