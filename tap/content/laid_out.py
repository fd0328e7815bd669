"""Markup, scripts, styles, images and MessagePack: as mitmproxy's content views lay them out.

Its views are made for one body of a person's own traffic: some take time that grows with the
square of the size (32 KiB of blanks as JavaScript: 27 s). So each has a limit here, and what is
larger is shown as it is. mitmproxy is imported with the first body that needs it.
"""

from __future__ import annotations

from tap.content.nouns import Content, Decode, Undecodable, View
from tap.content.text import decoded_text, plain

KIB = 1024
LIMITS = {
    "xml": 64 * KIB,
    "css": 2 * KIB,
    "javascript": 2 * KIB,
    "image": 256 * KIB,
    "msgpack": 64 * KIB,
}


def html(content: Content, decode: Decode) -> View:
    return _text("html", "xml", content, decode)


def xml(content: Content, decode: Decode) -> View:
    return _text("xml", "xml", content, decode)


def css(content: Content, decode: Decode) -> View:
    return _text("css", "css", content, decode)


def javascript(content: Content, decode: Decode) -> View:
    return _text("javascript", "javascript", content, decode)


def image(content: Content, decode: Decode) -> View:
    """What it says of itself: format, size, comments. Raises Undecodable."""
    return View("image", _shown("image", content.data[: LIMITS["image"]]))


def msgpack(content: Content, decode: Decode) -> View:
    """Raises Undecodable."""
    if len(content.data) > LIMITS["msgpack"]:
        raise Undecodable(f"msgpack of more than {LIMITS['msgpack']:,} bytes is not laid out")
    return View("msgpack", _shown("msgpack", content.data))


def _text(kind: str, name: str, content: Content, decode: Decode) -> View:
    """Laid out where it is small enough, else as it is."""
    limit = LIMITS[name]
    text, notes = decoded_text(content)
    if len(text) > limit:
        note = f"{kind} of more than {limit:,} characters is not laid out"
        return View(kind, text, notes=(*notes, note))
    try:
        return View(kind, _shown(name, text.encode("utf-8", "replace")), notes=notes)
    except Undecodable as error:
        as_it_is = plain(content, decode)
        return View(kind, as_it_is.text, notes=(*as_it_is.notes, str(error)))


def _shown(name: str, data: bytes) -> str:
    from tap.flows.views import ViewError, laid_out

    try:
        return laid_out(name, data)
    except ViewError as error:
        raise Undecodable(str(error)) from error
