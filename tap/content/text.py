"""Bytes as text: of a known character set, printable, or dumped in hexadecimal."""

from __future__ import annotations

import re
from typing import Any

from tap.content.nouns import Content, Decode, View
from tap.printable import printable

MAX_TEXT = 128 * 1024  # characters of a view's text
MAX_DUMPED = 4 * 1024  # bytes that a hexadecimal dump shows
MAX_DEPTH = 64  # of a value; JSON writers give up at some depth of their own

_NO_TEXT = re.compile(rb"[\x00-\x06\x0b\x0e-\x1a\x1c-\x1f\x7f]")  # as file(1) has it

# Python knows codecs that are no character sets, and some that take quadratic time.
CHARSETS = frozenset(
    (
        *("utf-8", "utf8", "us-ascii", "ascii", "latin1", "koi8-r", "koi8-u"),
        *(f"utf-{bits}{order}" for bits in (16, 32) for order in ("", "le", "be")),
        *(f"iso-8859-{part}" for part in (*range(1, 11), *range(13, 17))),
        *(f"windows-125{part}" for part in range(9)),
        *("gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "iso-2022-jp"),
    )
)


def clean(text: str) -> str:
    """``printable`` line by line: line feeds stay, and tabs become spaces."""
    return "\n".join(printable(one) for one in text.expandtabs(4).split("\n"))


def bounded(view: View) -> View:
    """``view`` with a text and a value that anybody may handle."""
    notes = view.notes
    if len(view.text) > MAX_TEXT:
        notes = (*notes, f"only the first {MAX_TEXT:,} characters are shown")
    value = view.value
    if not is_shallow(value):
        value, notes = None, (*notes, f"nested more than {MAX_DEPTH} deep: no value is given")
    text = clean(view.text[:MAX_TEXT])
    return View(view.kind, text, value, notes, view.codings, view.size)


def is_shallow(value: Any) -> bool:
    """Whether it is nested at most ``MAX_DEPTH`` deep."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for one in level for child in _children(one)]
        if not level:
            return True
    return False


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [one for one in value.values() if isinstance(one, dict | list)]
    return [one for one in value if isinstance(one, dict | list)] if isinstance(value, list) else []


def decoded_text(content: Content) -> tuple[str, tuple[str, ...]]:
    """The text, and what is to be said of it. UTF-8 where no known ``charset`` is given."""
    charset = content.type.parameters.get("charset", "utf-8").lower()
    notes: tuple[str, ...] = ()
    if charset not in CHARSETS:
        notes, charset = (f"unknown charset {charset[:40]!r}, read as utf-8",), "utf-8"
    text = content.data.decode(charset, "replace")
    end = 1 if content.cut and text.endswith("\ufffd") else 0  # a cut may go through a character
    text = text[: len(text) - end].removeprefix("\ufeff").replace("\r\n", "\n")
    if broken := text.count("\ufffd"):
        notes = (*notes, f"{broken:,} places are no {charset}")
    return text, notes


def plain(content: Content, decode: Decode) -> View:
    """As it is."""
    text, notes = decoded_text(content)
    return View("text", text, notes=notes)


def is_text(data: bytes, cut: bool = False) -> bool:
    """Whether the bytes are UTF-8 without the control characters that texts do not have."""
    if _NO_TEXT.search(data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return cut and error.reason == "unexpected end of data"
    return True


def binary(content: Content, decode: Decode) -> View:
    """As ``hexdump -C`` shows it."""
    notes: tuple[str, ...] = ()
    if len(content.data) > MAX_DUMPED:
        notes = (f"only the first {MAX_DUMPED:,} bytes are shown",)
    return View("binary", hexdump(content.data[:MAX_DUMPED]), notes=notes)


def hexdump(data: bytes) -> str:
    return "\n".join(_row(at, data[at : at + 16]) for at in range(0, len(data), 16))


def _row(at: int, row: bytes) -> str:
    digits = f"{row[:8].hex(' '):23}  {row[8:].hex(' '):23}"
    told = "".join(chr(one) if 32 <= one < 127 else "." for one in row)
    return f"{at:08x}  {digits}  |{told}|"


def text_or_binary(content: Content, decode: Decode) -> View:
    if is_text(content.data, content.cut):
        return plain(content, decode)
    return binary(content, decode)
