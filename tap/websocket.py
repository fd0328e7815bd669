"""What hides a WebSocket's messages: a client's mask, and the end that compression leaves out.

For those who show messages (``tap.content``) and those who search them (``tap.redact``). The first
want frames that are right, the others whatever can be read.
"""

from __future__ import annotations

MAX_FRAMES = 10_000  # of one body
DEFLATE_TAIL = b"\x00\x00\xff\xff"  # what RFC 7692, section 7.2.2, puts back


def unmasked(data: bytes, mask: bytes) -> bytes:
    """``data`` without its mask of four bytes; with a shorter one, as it is (RFC 6455, 5.3)."""
    if len(mask) < 4 or not data:
        return data
    key = (mask * (len(data) // 4 + 1))[: len(data)]
    together = int.from_bytes(data, "big") ^ int.from_bytes(key, "big")
    return together.to_bytes(len(data), "big")
