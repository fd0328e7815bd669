"""Exchanges as people read them."""

from __future__ import annotations

import gzip
from datetime import UTC

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, replace
from tap.lines import bodies, coverage_line, line, milliseconds, route
from tap.live.coverage import Coverage, SourceCount

EXCHANGE = Exchange(
    id="9f3e",
    node="productpage-v1",
    request=Request("POST", "/reviews/1"),
    response=Response(503),
    direction="outbound",
    source=Endpoint("productpage", address="127.0.0.1:5"),
    destination=Endpoint("reviews", "v2"),
    started=1795219651.2209,
    duration=0.012,
    flags=("UO",),
)


def test_an_exchange_is_one_line() -> None:
    assert line(EXCHANGE, UTC) == (
        "00:07:31.220  productpage → reviews v2       POST /reviews/1        503      12 ms"
        "   UO circuit breaker open   id 9f3e"
    )


def test_a_request_without_response_says_so() -> None:
    silent = replace(EXCHANGE, response=None, duration=None, flags=())
    assert line(silent, UTC).endswith("POST /reviews/1        ---          –   id 9f3e")
    nothing = replace(silent, request=Request(method="", path=""))
    assert "no HTTP request" in line(nothing, UTC)


def test_a_source_that_is_no_service_is_its_listeners_direction_or_its_address() -> None:
    outside = replace(EXCHANGE, source=Endpoint(address="127.0.0.1:5"), direction="ingress")
    assert route(outside) == "ingress → reviews v2"
    assert route(replace(outside, direction="")) == "127.0.0.1:5 → reviews v2"


def test_milliseconds_have_a_digit_only_where_it_matters() -> None:
    assert [milliseconds(one) for one in (None, 0.0004, 0.012, 7.0004)] == [
        "–",
        "0.4 ms",
        "12 ms",
        "7,000 ms",
    ]


def test_a_terminal_is_told_nothing_by_a_request() -> None:
    evil = replace(EXCHANGE, request=Request("GET", "/\x1b[2J\x07"))
    assert "/\\x1b[2J\\x07" in line(evil, UTC)
    assert list(bodies(replace(EXCHANGE, request=Request(body=Body(b"a\x1b[0m\nb", size=7))))) == [
        "    request body, 7 bytes, text",
        "    | a\\x1b[0m",
        "    | b",
    ]


def test_a_truncated_body_says_how_much_there_was() -> None:
    cut = replace(EXCHANGE, response=Response(200, body=Body(b"abc", truncated=True, size=20000)))
    assert list(bodies(cut))[0] == "    response body, 3 of 20,000 bytes, text"


def test_a_body_is_decoded_with_what_was_undone_and_what_is_missing() -> None:
    told = Headers.of({"content-type": "application/json", "content-encoding": "gzip"})
    data = gzip.compress(b'{"a": [1, 2]}')[:-4]
    shown = bodies(replace(EXCHANGE, response=Response(200, told, Body(data, size=len(data)))))
    assert list(shown) == [
        f"    response body, {len(data)} bytes (gzip of 13 bytes), json",
        "    | {",
        '    |   "a": [',
        "    |     1,",
        "    |     2",
        "    |   ]",
        "    | }",
        "    (gzip: cut off, 13 bytes could be decoded)",
    ]


def test_a_grpc_error_without_a_body_has_its_status() -> None:
    told = Headers.of({"content-type": "application/grpc", "grpc-status": "14"})
    called = replace(EXCHANGE, request=Request("POST", "/a.B/C"), response=Response(200, told))
    assert list(bodies(called)) == [
        "    response body, 0 bytes, grpc a.B/C",
        "    | status UNAVAILABLE",
    ]


def test_coverage_is_never_hidden() -> None:
    assert coverage_line(Coverage(4, 4, 1204, 7)) == (
        "watching 4 Envoys   1,204 seen   7 shown   0 lost"
    )
    assert coverage_line(Coverage(0, 1, lost=2)) == (
        "watching 0 of 1 Envoy   0 seen   0 shown   2 lost"
    )
    sampled = {"access log": SourceCount(seen=9, sampled=90)}
    less = Coverage(1, 1, 9, 9, reduced=9, sources=sampled, less="no bodies", not_stored=3)
    assert coverage_line(less) == (
        "watching 1 Envoy   9 seen   9 shown   0 lost   9 without headers or bodies"
        "   90 left out   3 could not be stored   no bodies"
    )
