"""Any bytes with any headers give a view, soon, and a program can write it down."""

from __future__ import annotations

import base64
import gzip
import json
import time
import zlib
from datetime import timedelta

import brotli
import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.content import Side, decoded, view
from tap.content.table import CONTENT
from tap.content.text import MAX_TEXT
from tap.lines import bodies
from tests.tap.content.given import HELLO, framed, message, schema

WITHIN = 5.0  # seconds, on a machine that does other things as well
KIB = 1024

TYPES = st.sampled_from(
    [
        *(key.replace("*", "x").removeprefix("+").rstrip("+") or "x" for key in CONTENT),
        "application/grpc+json", "application/x+json", "text/plain; charset=utf-16",
        "multipart/form-data; boundary=b", 'multipart/mixed; boundary="', "text/html; charset=gbk",
    ]
)  # fmt: skip
CODINGS = st.sampled_from(["", "", "gzip", "deflate", "br", "zstd", "gzip, br", "identity", "no"])
ENCODERS = (gzip.compress, zlib.compress, brotli.compress, zstd.compress)
PIECES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            *(b'{"a": [1, "\\ud800"]}', b"[[[[", b"data: {}\n\n", b"a=%ff&", b"\x81\xa1"),
            *(b"--b\r\n", b"\r\n\r\n", b"content-type: text/css\r\n", b"<a b='c'>", b"<!--", b"/*"),
            *(
                b"\x89PNG\r\n\x1a\n",
                b"GIF89a",
                b"\xff\xd8\xff",
                b"\x00\x00\x01\x00",
                b"\x1f\x8b\x08",
            ),
            *(b"\x81\x05hello", b"\xc1\x85\0\0\0\0", b"\x88\x02\x03\xe8", b"function() {"),
            *(b"\0\0\0\0\x05", b"\x80\0\0\0\x02", framed(message("HelloReply", text="hi"))),
            base64.b64encode(framed(b"\x08\x01")),
        ]
    ),
)
DATA = st.lists(PIECES, max_size=8).map(b"".join)
CODED = st.one_of(
    DATA, st.builds(lambda encode, data: encode(data), st.sampled_from(ENCODERS), DATA)
)
WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
SIDES: list[Side] = ["request", "response"]


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    def headers() -> Headers:
        known = {
            "content-type": draw(st.one_of(TYPES, WORDS)),
            "content-encoding": draw(st.one_of(CODINGS, WORDS)),
            "grpc-encoding": draw(CODINGS),
            "grpc-status": draw(st.sampled_from(["0", "5", "99", "-1", "x", "²"])),
            "grpc-message": draw(WORDS),
            "grpc-status-details-bin": draw(WORDS),
            "upgrade": draw(st.sampled_from(["", "websocket"])),
            "sec-websocket-extensions": draw(st.sampled_from(["", "permessage-deflate", ";,;"])),
        }
        return Headers.of((name, value) for name, value in known.items() if value)

    request = Request(
        "POST", draw(st.sampled_from([HELLO, "/", "", "//?/"])), "", "http", headers()
    )
    body, answer = Body(draw(CODED), draw(st.booleans())), Body(draw(CODED), draw(st.booleans()))
    response = Response(draw(st.sampled_from([200, 101, 0])), headers(), answer, headers())
    request = Request(request.method, request.path, "", "http", request.headers, body)
    return Exchange("1", "", request, response if draw(st.booleans()) else None)


@settings(
    deadline=timedelta(seconds=WITHIN),
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(exchanges(), st.booleans())
def test_any_bytes_with_any_headers_give_a_view(exchange: Exchange, described: bool) -> None:
    known = schema() if described else None
    for side in SIDES:
        shown = view(exchange, side, known)
        assert shown.kind
        assert len(shown.text) <= 12 * MAX_TEXT  # an escape is longer than its character
        assert all(line.isprintable() for line in shown.text.split("\n"))
    json.dumps(decoded(exchange, known), allow_nan=False)
    assert all(line.isprintable() for line in bodies(exchange, known))


# One type for each decoder.
DECODED = sorted({decoder: key for key, decoder in CONTENT.items()}.values())
UNITS = (b"[", b'{"a":', b" ", b"a=1&", b"\0\0\0\0\0", b"\x0a\x02\x08\x01", b"<a>", b"/*")


@pytest.mark.parametrize("type", DECODED)
def test_a_long_body_of_one_thing_is_shown_in_time(type: str) -> None:
    for unit in UNITS:
        data = unit * (64 * KIB // len(unit))
        headers = Headers.of({"content-type": type.replace("/*", "/x; boundary=b")})
        exchange = Exchange("1", "", Request("POST", HELLO, "", "http", headers, Body(data)))
        start = time.perf_counter()
        view(exchange, "request", schema())
        assert time.perf_counter() - start < WITHIN, unit
