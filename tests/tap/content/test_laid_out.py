"""Markup, scripts, images: what mitmproxy's views make of them, and where we do not ask them."""

from __future__ import annotations

import base64

import pytest

from tap.content import view
from tap.content.laid_out import LIMITS
from tests.tap.content.given import answered

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


@pytest.mark.parametrize(
    ("type", "data", "kind", "line"),
    [
        (
            "text/html; charset=utf-8",
            b"<html><body><p>h\xc3\xa9</p></body></html>",
            "html",
            "  <p>hé</p>",
        ),
        ("application/soap+xml", b"<a><b>1</b></a>", "xml", "  <b>1</b>"),
        ("text/css", b"a{b:c;d:e}", "css", "    d: e"),
        ("application/javascript", b"if(x){y()}", "javascript", "  y()"),
    ],
)
def test_it_is_laid_out(type: str, data: bytes, kind: str, line: str) -> None:
    shown = view(answered(data, type), "response")
    assert shown.kind == kind
    assert line in shown.text.splitlines()
    assert shown.notes == ()


def test_an_image_says_what_it_is_and_how_large() -> None:
    for type in ("image/png", ""):
        shown = view(answered(PNG, type), "response")
        assert shown.kind == "image"
        assert "1 x 1 px" in shown.text


def test_messagepack_is_readable() -> None:
    shown = view(answered(b"\x81\xa1a\x93\x01\x02\xc3", "application/msgpack"), "response")
    assert shown.kind == "msgpack"
    assert "a" in shown.text
    assert "true" in shown.text.lower()


@pytest.mark.parametrize("type", ["image/png", "application/msgpack"])
def test_what_is_none_is_dumped_with_the_reason(type: str) -> None:
    shown = view(answered(b"\x89PNG\r\n\x1a\n\xc1\xc1", type), "response")
    assert shown.kind == "binary"
    assert shown.notes[0].startswith("no ")


@pytest.mark.parametrize(("type", "name"), [("text/css", "css"), ("text/javascript", "javascript")])
def test_what_would_take_long_is_shown_as_it_is(type: str, name: str) -> None:
    data = b"a" * (LIMITS[name] + 1)
    shown = view(answered(data, type), "response")
    assert (shown.kind, shown.text) == (name, data.decode())
    assert shown.notes == (f"{name} of more than {LIMITS[name]:,} characters is not laid out",)
