"""Which decoder a body gets: by its type, else by its looks."""

from __future__ import annotations

import gzip
import subprocess
import sys
from typing import Any

import pytest

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.coding import MAX_EXPANDED
from tap.content import decoded, view
from tests.tap.content.given import answered, sent


@pytest.mark.parametrize(
    ("type", "data", "kind"),
    [
        ("Application/Problem+JSON ; charset=utf-8", b"{}", "json"),
        ("text/plain", b' {"a": 1}', "json"),
        ("text/plain", b"{no json", "text"),
        ("text/anything", b"abc", "text"),
        ("application/unheard-of", b"abc", "text"),
        ("application/octet-stream", b"\0", "binary"),
        ("", b"[1]", "json"),
        ("", b"<!DOCTYPE html><p>", "html"),
        ("", b"<?xml version='1.0'?><a/>", "xml"),
        ("", b"\0\1", "binary"),
        ("", b"words", "text"),
        ("application/grpc", b"\0\0\0\0\0", "grpc example.Greeter/Hello"),
        ("application/grpc-web+thrift", b"\0\0\0\0\0", "grpc-web example.Greeter/Hello"),
        ("nonsense", b"words", "text"),
    ],
)
def test_a_type_has_its_decoder(type: str, data: bytes, kind: str) -> None:
    shown = view(sent(data, type), "request")
    assert (shown.kind, shown.notes) == (kind, ())


def test_a_coding_is_undone_before_the_type_counts() -> None:
    shown = view(answered(gzip.compress(b'{"a": 1}'), "application/json", "gzip"), "response")
    assert (shown.kind, shown.value) == ("json", {"a": 1})
    assert (shown.codings, shown.size) == (("gzip",), 8)


def test_what_still_has_a_coding_is_dumped() -> None:
    shown = view(answered(b"{}", "application/json", "lzma"), "response")
    assert shown.kind == "binary"
    assert shown.notes[0].startswith("unknown content coding 'lzma'")


def test_a_body_that_was_not_kept_or_never_came_is_empty() -> None:
    assert view(sent(b"", "application/json", cut=True), "request").kind == "empty"
    assert view(sent(b"x"), "response").kind == "empty"


def test_only_so_much_of_a_large_body_is_read() -> None:
    shown = view(sent(b"x" * (MAX_EXPANDED + 1), "text/plain"), "request")
    assert shown.size == MAX_EXPANDED
    assert shown.notes[0] == f"only the first {MAX_EXPANDED:,} bytes are read"


def test_decoded_has_a_value_or_a_text_for_each_side() -> None:
    request = Request("POST", "/", headers=Headers.of({"content-type": "application/json"}))
    request = Request("POST", "/", "", "http", request.headers, Body(b'{"a": 1}'))
    both = Exchange("1", "", request, Response(200, body=Body(b"words")))
    about: dict[str, Any] = {"codings": [], "notes": []}
    assert decoded(both) == {
        "request": {"kind": "json", "size": 8, "value": {"a": 1}, **about},
        "response": {"kind": "text", "size": 5, "text": "words", **about},
    }


def test_mitmproxy_and_protobuf_are_not_loaded_before_a_body_needs_them() -> None:
    code = (
        "import sys, tap.content; "
        "print(sorted({'mitmproxy', 'google.protobuf', 'grpc', 'brotli'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
