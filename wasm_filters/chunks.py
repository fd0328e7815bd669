"""Bodies in the pieces in which a network would bring them."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def cutter(size: int | Sequence[int] | None) -> Callable[[bytes], list[bytes]]:
    """The function that cuts a body into pieces."""
    if size is None:
        return lambda body: [body] if body else []
    if isinstance(size, int):
        return lambda body: [body[at : at + size] for at in range(0, len(body), size)]
    return lambda body: _cut(body, size)


def _cut(body: bytes, sizes: Sequence[int]) -> list[bytes]:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(body[at : at + size])
        at += size
    return [piece for piece in [*pieces, body[at:]] if piece]
