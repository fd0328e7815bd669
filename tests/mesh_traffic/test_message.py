"""Claims about requests and responses."""

from __future__ import annotations

import pytest

from mesh_traffic import Body, Headers, Request, Response

FIELDS = Headers.of(
    [
        (":method", "POST"),
        (":path", "/x?y=1"),
        (":authority", "reviews"),
        (":scheme", "https"),
        ("accept", "*/*"),
    ]
)


def test_pseudo_headers_become_the_requests_own_fields_and_back() -> None:
    request = Request.of_fields(FIELDS, Body(b"hi"))
    assert (request.method, request.path, request.authority) == ("POST", "/x?y=1", "reviews")
    assert request.headers == Headers((("accept", "*/*"),))
    assert request.fields() == FIELDS


def test_an_http_1_host_is_the_authority() -> None:
    assert Request.of_fields(Headers.of({"host": "ratings:80"})).authority == "ratings:80"


def test_a_request_without_pseudo_headers_is_a_get_of_the_root() -> None:
    request = Request.of_fields(Headers())
    assert (request.method, request.path, request.scheme) == ("GET", "/", "http")


@pytest.mark.parametrize(
    ("text", "status"), [("503", 503), ("", 0), ("abc", 0), ("²", 0), ("-1", 0)]
)
def test_a_status_is_a_number_or_unknown(text: str, status: int) -> None:
    assert Response.of_fields(Headers.of({":status": text})).status == status


def test_a_responses_status_stands_first_in_its_fields() -> None:
    response = Response(404, Headers.of({"server": "envoy"}))
    assert response.fields().fields == ((":status", "404"), ("server", "envoy"))


def test_a_body_that_was_cut_is_a_body_even_when_nothing_is_left_of_it() -> None:
    assert not Body()
    assert Body(truncated=True)
    assert Body(b"\xffok").text == "�ok"
