"""Bodies in the three shapes that the page offers."""

from __future__ import annotations

import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.flows.web.bodies import SHAPES
from tests.tap.exchanges import EXCHANGE, sample


def answered(data: bytes, truncated: bool = False, **fields: str) -> Exchange:
    headers = Headers.of({name.replace("_", "-"): value for name, value in fields.items()})
    return sample(response=Response(200, headers, Body(data, truncated, 9_999)))


def test_json_is_laid_out_and_says_that_it_was_compressed_and_cut_off() -> None:
    data = gzip.compress(b'{"a": [1, 2]}')
    coded = answered(data, True, content_type="application/json", content_encoding="gzip")
    shape = SHAPES["auto"](coded, "response", None)
    assert '"a": [' in shape.text
    assert shape.view_name == "decoded"
    assert shape.syntax_highlight == "yaml"
    assert shape.description.startswith(f"json; gzip undone; cut off: {len(data)} of 9,999 bytes")


def test_grpc_is_shown_by_field_numbers_where_there_is_no_schema() -> None:
    message = b"\x00\x00\x00\x00\x08\x0a\x06teapot"
    asked = Request(
        "POST", "/shop.Cart/Add", headers=Headers.of({"content-type": "application/grpc"})
    )
    exchange = sample(
        request=Request(asked.method, asked.path, "", "http", asked.headers, Body(message))
    )
    shape = SHAPES["auto"](exchange, "request", None)
    assert "teapot" in shape.text
    assert shape.description.startswith("grpc")


def test_websocket_frames_are_unmasked() -> None:
    key, word = b"\x01\x02\x03\x04", b"hello"
    masked = bytes(one ^ key[at % 4] for at, one in enumerate(word))
    frame = bytes((0x81, 0x80 | len(word))) + key + masked
    headers = Headers.of({"upgrade": "websocket", "connection": "upgrade"})
    exchange = sample(
        request=Request("GET", "/chat", headers=headers, body=Body(frame)), response=Response(101)
    )
    shape = SHAPES["auto"](exchange, "request", None)
    assert "hello" in shape.text
    assert shape.description.startswith("websocket")


def test_raw_is_text_without_what_a_terminal_would_obey_and_a_dump_is_a_dump() -> None:
    exchange = answered(b"\x1b[31m" + b"a" * 5_000)
    assert SHAPES["raw"](exchange, "response", None).text.startswith("\\x1b[31maaa")
    dumped = SHAPES["hex dump"](exchange, "response", None)
    assert dumped.text.startswith("00000000  1b 5b 33 31 6d 61 61 61  ")
    assert dumped.description == "the first 4,096 bytes"


def test_without_a_response_there_is_nothing() -> None:
    for shape in SHAPES.values():
        assert shape(sample(response=None), "response", None).text == ""


@pytest.mark.parametrize("kind", ["application/javascript", "text/css", "text/html"])
def test_what_mitmproxys_own_views_take_half_a_minute_for_is_quick(kind: str) -> None:
    start = time.perf_counter()
    SHAPES["auto"](answered(b" " * 32_768, content_type=kind), "response", None)
    assert time.perf_counter() - start < 2


@given(EXCHANGE, st.sampled_from(sorted(SHAPES)), st.sampled_from(("request", "response")))
def test_any_exchange_has_every_shape(exchange: Exchange, shape: str, side: str) -> None:
    assert SHAPES[shape](exchange, side, None).view_name  # type: ignore[arg-type]
