"""``compress`` and ``uncompress``: zlib streams."""

from __future__ import annotations

import zlib

from wasm_filters.abi import Status
from wasm_filters.errors import Refusal
from wasm_filters.state.host import Host

MAX_UNCOMPRESSED = 256 << 20  # bytes; in Envoy only the guest's memory is the limit


def compress(host: Host, arguments: bytes) -> tuple[Status, bytes]:
    """The bytes as a zlib stream. OK always.

    Envoy's zlib is another build: its stream says the same, but may be some bytes longer or
    shorter.
    """
    return Status.OK, zlib.compress(arguments)


def uncompress(host: Host, arguments: bytes) -> tuple[Status, bytes]:
    """What a zlib stream holds; bytes behind it count for nothing.

    SERIALIZATION_FAILURE: no zlib stream, or not all of it.
    """
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(arguments, MAX_UNCOMPRESSED)
    except zlib.error:
        return Status.SERIALIZATION_FAILURE, b""
    if stream.unconsumed_tail:
        raise Refusal(f"uncompress: more than {MAX_UNCOMPRESSED} bytes")
    return (Status.OK, data) if stream.eof else (Status.SERIALIZATION_FAILURE, b"")
