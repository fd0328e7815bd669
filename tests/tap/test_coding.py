"""Content codings undone, of what the real encoders make."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
from backports import zstd

from tap.coding import MAX_CODINGS, MAX_EXPANDED, codings_of, undo

TEXT = b"".join(b"line %d of a body that compresses\n" % at for at in range(500))


def raw_deflate(data: bytes) -> bytes:
    it = zlib.compressobj(wbits=-15)
    return it.compress(data) + it.flush()


ENCODERS = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", lambda data: brotli.compress(data, quality=5)),
    ("zstd", zstd.compress),
]


@pytest.mark.parametrize(("coding", "encode"), ENCODERS)
def test_what_a_real_encoder_makes_is_undone(coding: str, encode: object) -> None:
    undone = undo(encode(TEXT), (coding,))  # type: ignore[operator]
    assert (undone.data, undone.codings, undone.notes, undone.cut) == (TEXT, (coding,), (), False)


@pytest.mark.parametrize(("coding", "encode"), ENCODERS)
def test_a_stream_that_is_cut_off_gives_what_could_be_decoded(coding: str, encode: object) -> None:
    whole: bytes = encode(TEXT)  # type: ignore[operator]
    undone = undo(whole[: len(whole) * 2 // 3], (coding,))
    assert undone.cut
    assert TEXT.startswith(undone.data)
    assert undone.notes == (f"{coding}: cut off, {len(undone.data):,} bytes could be decoded",)
    assert undone.data or coding == "zstd"  # which decodes whole blocks


@pytest.mark.parametrize(("coding", "encode"), ENCODERS)
def test_a_bomb_stops_at_the_limit(coding: str, encode: object) -> None:
    bomb: bytes = encode(bytes(4 * MAX_EXPANDED))  # type: ignore[operator]
    undone = undo(bomb, (coding,))
    assert len(undone.data) == MAX_EXPANDED
    assert undone.cut
    assert undone.notes == (f"{coding}: more than 1,048,576 bytes, the rest is left out",)


@pytest.mark.parametrize(("coding", "encode"), ENCODERS)
def test_what_fills_the_limit_exactly_is_whole(coding: str, encode: object) -> None:
    undone = undo(encode(TEXT), (coding,), limit=len(TEXT))  # type: ignore[operator]
    assert (undone.data, undone.notes) == (TEXT, ())


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_bytes_of_another_coding_are_told(coding: str) -> None:
    undone = undo(b"\xff\xfe no such thing " * 40, (coding,))
    assert undone.data == b""
    assert undone.notes[0].startswith(f"{coding}: broken: ")


def test_a_break_keeps_what_came_before() -> None:
    whole = bytearray(gzip.compress(TEXT, 0))
    whole[-8:-4] = b"\0\0\0\0"  # the checksum
    undone = undo(bytes(whole), ("gzip",))
    assert len(undone.data) > len(TEXT) - 512
    assert TEXT.startswith(undone.data)
    assert undone.notes[0].startswith("gzip: broken: ")


def test_several_codings_are_undone_the_last_one_first() -> None:
    coded = zstd.compress(brotli.compress(gzip.compress(TEXT)))
    undone = undo(coded, codings_of(["gzip, br", "identity", " ZSTD "]))
    assert (undone.data, undone.codings) == (TEXT, ("zstd", "br", "gzip"))


def test_members_in_a_row_and_padding_are_one_body() -> None:
    assert undo(gzip.compress(b"a") + gzip.compress(b"b") + bytes(9), ("gzip",)).data == b"ab"
    assert undo(zstd.compress(b"a") + zstd.compress(b"b"), ("zstd",)).data == b"ab"
    after = undo(gzip.compress(b"a") + b"junk", ("gzip",))
    assert (after.data, after.notes) == (b"a", ("gzip: 4 bytes after its end are left out",))


def test_members_without_end_are_not_followed() -> None:
    undone = undo(gzip.compress(b"") * 1_000, ("gzip",))
    assert undone.notes == ("gzip: more than 100 members in a row",)


def test_an_unknown_coding_stays_and_is_named() -> None:
    undone = undo(gzip.compress(TEXT), ("compress", "gzip"))
    assert (undone.data, undone.left) == (TEXT, "compress")
    assert "unknown content coding 'compress', expected one of ['br'" in undone.notes[0]
    assert undo(b"x", ("gzip",) * (MAX_CODINGS + 1)).left == "gzip"


def test_a_zstd_window_that_would_take_much_memory_is_refused() -> None:
    wide = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.content_size_flag: 0,
    }
    it = zstd.ZstdCompressor(options=wide)
    data = it.compress(TEXT, zstd.ZstdCompressor.FLUSH_BLOCK) + it.flush()
    assert undo(data, ("zstd",)).notes[0].startswith("zstd: broken: ")


def test_an_empty_body_has_no_coding_to_undo() -> None:
    undone = undo(b"", ("gzip",))
    assert (undone.data, undone.notes) == (b"", ())
