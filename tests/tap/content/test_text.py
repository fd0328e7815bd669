"""Bytes as text: character sets, control characters, dumps, limits."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tap.content import view
from tap.content.text import MAX_DUMPED, MAX_TEXT, hexdump, is_text
from tests.tap.content.given import sent


@pytest.mark.parametrize("charset", ["utf-8", "ISO-8859-1", "utf-16", '"windows-1252"'])
def test_a_known_character_set_is_read(charset: str) -> None:
    data = "für alle".encode(charset.strip('"'))
    assert view(sent(data, f"text/plain; charset={charset}"), "request").text == "für alle"


@pytest.mark.parametrize("charset", ["rot13", "hex", "idna", "punycode", "zlib", "\x00"])
def test_a_codec_that_is_no_character_set_is_not_used(charset: str) -> None:
    shown = view(sent(b"abc", f"text/plain; charset={charset}"), "request")
    assert shown.text == "abc"
    assert shown.notes == (f"unknown charset {charset!r}, read as utf-8",)


def test_nothing_that_a_terminal_obeys_is_in_a_text() -> None:
    shown = view(sent(b"a\x1b[2J\tb\r\nc\x07\xc2\x9b", "text/plain"), "request")
    assert shown.text == "a\\x1b[2J   b\nc\\x07\\x9b"


def test_bytes_that_are_no_text_are_counted() -> None:
    shown = view(sent(b"a\xffb\xff", "text/plain"), "request")
    assert (shown.text, shown.notes) == ("a\ufffdb\ufffd", ("2 places are no utf-8",))


def test_a_cut_through_a_character_is_no_fault() -> None:
    data = "aü".encode()[:-1]
    shown = view(sent(data, "text/plain", cut=True), "request")
    assert (shown.text, shown.notes) == ("a", ())
    assert is_text(data, cut=True)
    assert not is_text(data, cut=False)


def test_colours_and_joined_emoji_are_text_and_a_zero_byte_is_none() -> None:
    assert is_text(b"\x1b[31mred\x1b[0m\n")
    assert is_text("👩\u200d💻".encode())
    assert not is_text(b"a\0b")


def test_a_dump_is_the_one_of_hexdump() -> None:
    data = bytes(range(256)) + b"end"
    if (tool := shutil.which("hexdump")) is None:
        pytest.skip("no hexdump")
    said = subprocess.run([tool, "-Cv"], input=data, capture_output=True, check=True).stdout
    assert hexdump(data).splitlines() == said.decode().splitlines()[:-1]


def test_long_texts_and_dumps_end_with_a_word() -> None:
    shown = view(sent(b"x" * (MAX_TEXT + 1), "text/plain"), "request")
    assert len(shown.text) == MAX_TEXT
    assert shown.notes == (f"only the first {MAX_TEXT:,} characters are shown",)
    dumped = view(sent(bytes(MAX_DUMPED + 1)), "request")
    assert dumped.notes == (f"only the first {MAX_DUMPED:,} bytes are shown",)
