"""Content codings undone: gzip, deflate, br and zstd (RFC 9110, section 8.4.1), also in a row.

Compressed bytes are hostile: what they expand to is bounded while it grows, and of a stream that
is cut off or broken there is what could be decoded, with a word on why it ends. Of a broken one,
what its last ``SLICE`` bytes would have given is lost.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MAX_EXPANDED = 1024 * 1024  # bytes that one body may expand to
MAX_CODINGS = 4  # applied to one body, one on the other
MAX_MEMBERS = 100  # gzip members or zstd frames, one after the other
SLICE = 256  # compressed bytes decoded at once
BROTLI_SLICE = 16  # where brotli can't be told a limit: each may then give two blocks of 16 MiB
ZSTD_WINDOW = 23  # 8 MiB as a power of two: RFC 9659 allows no larger one as a content coding

_ZLIB, _RAW, _GZIP_OR_ZLIB = 15, -15, 47  # zlib's wbits


class CodingError(ValueError):
    """Bytes that are not of their coding."""


@dataclass(frozen=True, slots=True)
class Undone:
    """``data`` as far as it was decoded, the codings that were undone, and what there is to say.

    ``cut``: there would have been more data. ``left``: the coding that it still has, or "".
    """

    data: bytes
    codings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cut: bool = False
    left: str = ""


class Expander(Protocol):
    """One gzip member, brotli stream or zstd frame. ``rest``: what came after its end."""

    @property
    def over(self) -> bool: ...
    @property
    def rest(self) -> bytes: ...
    def feed(self, data: bytes, limit: int) -> bytes:
        """What ``data`` expands to, up to ``limit`` bytes. Raises CodingError."""


def codings_of(values: Iterable[str]) -> tuple[str, ...]:
    """What ``content-encoding`` fields list, in the order in which it was applied."""
    names = (name.strip().lower() for value in values for name in value.split(","))
    return tuple(name for name in names if name not in ("", "identity", "none"))


def undo(data: bytes, codings: tuple[str, ...], limit: int = MAX_EXPANDED) -> Undone:
    """``data`` without its ``codings``, the last one first. Never raises."""
    if len(codings) > MAX_CODINGS:
        note = f"{len(codings)} content codings, at most {MAX_CODINGS} are undone"
        return Undone(data, notes=(note,), left=codings[-1])
    undone = Undone(data)
    for coding in reversed(codings):
        expander = EXPANDERS.get(coding)
        if expander is None:
            note = f"unknown content coding {coding[:40]!r}, expected one of {sorted(EXPANDERS)}"
            return Undone(undone.data, undone.codings, (*undone.notes, note), undone.cut, coding)
        expanded, why = _expand(expander, undone.data, limit)
        notes = (*undone.notes, f"{coding}: {why}") if why else undone.notes
        undone = Undone(expanded, (*undone.codings, coding), notes, undone.cut or bool(why))
    return undone


def _expand(make: Callable[[bytes], Expander], data: bytes, limit: int) -> tuple[bytes, str]:
    """``data`` expanded, and why it ends before its end, or ""."""
    out = bytearray()
    at = members = 0
    while at < len(data) and members < MAX_MEMBERS:
        if members and not data[at:].strip(b"\0"):
            return bytes(out), ""  # gzip pads with zeros
        members += 1
        try:
            at, over = _member(make(data[at : at + 2]), data, at, out, limit)
        except CodingError as error:
            if members > 1:
                return bytes(out), f"{len(data) - at:,} bytes after its end are left out"
            return bytes(out), f"broken: {error}"
        if len(out) > limit:
            return bytes(out[:limit]), f"more than {limit:,} bytes, the rest is left out"
        if not over:
            return bytes(out), f"cut off, {len(out):,} bytes could be decoded"
    return bytes(out), "" if at >= len(data) else f"more than {MAX_MEMBERS} members in a row"


def _member(it: Expander, data: bytes, at: int, out: bytearray, limit: int) -> tuple[int, bool]:
    """Appends to ``out``; returns where the member ended in ``data``, and whether it did."""
    step = it.slice if isinstance(it, _Brotli) else SLICE
    while at < len(data) and not it.over and len(out) <= limit:
        piece = data[at : at + step]
        out += it.feed(piece, limit + 1 - len(out))
        at += len(piece) - len(it.rest)
    return at, it.over


class _Standard:
    """One with the interface of the standard library's decompressors."""

    def __init__(self, it: Any) -> None:
        self._it = it

    @property
    def over(self) -> bool:
        return bool(self._it.eof)

    @property
    def rest(self) -> bytes:
        return bytes(self._it.unused_data)


class _Zlib(_Standard):
    def __init__(self, wbits: int) -> None:
        super().__init__(zlib.decompressobj(wbits))

    def feed(self, data: bytes, limit: int) -> bytes:
        try:
            return bytes(self._it.decompress(data, limit))
        except zlib.error as error:
            raise CodingError(str(error).partition(": ")[2] or str(error)) from error


class _Brotli:
    """Can be told a limit since brotli 1.2; before, little input at a time bounds the output."""

    def __init__(self, head: bytes) -> None:
        import brotli

        self._it = brotli.Decompressor()
        self._error = brotli.error
        self._can_limit = hasattr(self._it, "can_accept_more_data")
        self.slice = SLICE if self._can_limit else BROTLI_SLICE
        self.rest = b""

    @property
    def over(self) -> bool:
        return bool(self._it.is_finished())

    def feed(self, data: bytes, limit: int) -> bytes:
        try:
            if self._can_limit:
                return bytes(self._it.process(data, output_buffer_limit=limit))
            return bytes(self._it.process(data))
        except self._error as error:
            raise CodingError("no brotli") from error


class _Zstd(_Standard):
    def __init__(self, head: bytes) -> None:
        from backports import zstd

        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW}
        super().__init__(zstd.ZstdDecompressor(options=options))
        self._error = zstd.ZstdError

    def feed(self, data: bytes, limit: int) -> bytes:
        try:
            return bytes(self._it.decompress(data, limit))
        except self._error as error:
            raise CodingError(str(error).rpartition(": ")[2]) from error


def _gzip(head: bytes) -> Expander:
    return _Zlib(_GZIP_OR_ZLIB)


def _deflate(head: bytes) -> Expander:
    """RFC 9110 wants zlib's format; some servers send it without (section 8.4.1.2)."""
    wrapped = len(head) == 2 and head[0] & 0x0F == 8 and int.from_bytes(head, "big") % 31 == 0
    return _Zlib(_ZLIB if wrapped else _RAW)


EXPANDERS: Mapping[str, Callable[[bytes], Expander]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,  # RFC 9110, section 8.4.1.3
    "deflate": _deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
