"""Maps as they cross the border between host and guest: counts, lengths, then the bytes.

Source: https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#serialization. The limits
are those of proxy-wasm-cpp-host, which Envoy embeds.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

Pairs = Sequence[tuple[bytes, bytes]]

MAX_BYTES = 1 << 20
MAX_PAIRS = 1024
_SIZES = struct.Struct("<II")


class PairsError(ValueError):
    """The bytes are no serialised map."""


def encode_pairs(pairs: Pairs) -> bytes:
    """Little endian: how many, each key's and value's length, then each key and value with a NUL.

    No pairs are four zero bytes; the header hostcalls send no bytes at all for them.
    """
    sizes = [struct.pack("<I", len(pairs))]
    sizes += [_SIZES.pack(len(key), len(value)) for key, value in pairs]
    return b"".join(sizes) + b"".join(b"%b\0%b\0" % pair for pair in pairs)


def decode_pairs(data: bytes) -> list[tuple[bytes, bytes]]:
    """What :func:`encode_pairs` wrote; PairsError for anything else, except that no bytes and a
    single zero byte are no pairs (spec, "Serialization")."""
    if data in (b"", b"\0"):
        return []
    if len(data) > MAX_BYTES:
        raise PairsError(f"{len(data)} bytes of pairs, expected at most {MAX_BYTES}")
    count = _count(data)
    sizes = [_SIZES.unpack_from(data, 4 + 8 * index) for index in range(count)]
    at = 4 + 8 * count
    pairs = []
    for key_size, value_size in sizes:
        key, at = _string(data, at, key_size)
        value, at = _string(data, at, value_size)
        pairs.append((key, value))
    if at != len(data):
        raise PairsError(f"{len(data) - at} bytes after the last pair, expected none")
    return pairs


def _count(data: bytes) -> int:
    if len(data) < 4:
        raise PairsError(f"{len(data)} bytes, expected at least 4 for the number of pairs")
    count: int = struct.unpack_from("<I", data)[0]
    if count > MAX_PAIRS:
        raise PairsError(f"{count} pairs, expected at most {MAX_PAIRS}")
    if 4 + 8 * count > len(data):
        raise PairsError(
            f"{len(data)} bytes, expected {4 + 8 * count} for the sizes of {count} pairs"
        )
    return count


def _string(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    end = at + size
    if data[end : end + 1] != b"\0":
        raise PairsError(f"no NUL at {end} of {len(data)}, where a string of {size} bytes ends")
    return data[at:end], end + 1
