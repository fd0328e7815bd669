"""Secrets go, and equal ones stay recognisable."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.live.wire import encode
from tap.redact import Redactor, Rules

SECRET = "s3cr3t-t0ken"
REDACT = Redactor(key=b"key")


def exchange(headers: dict[str, str], body: bytes = b"", **more: Any) -> Exchange:
    request = Request(headers=Headers.of(headers))
    return Exchange("1", "n", request, Response(200, body=Body(body, **more)))


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "apikey",
        "x-auth-token",
        "x-amz-security-token",
        "x-hub-secret",
        "x-password",
        "x-session-id",
    ],
)
def test_the_value_of_a_secret_header_is_a_mark(name: str) -> None:
    (field,) = REDACT(exchange({name: SECRET})).request.headers
    assert field == (name, "[redacted c32a80]")


def test_other_headers_stay_as_they_are() -> None:
    plain = exchange({"end-user": "jason", "x-request-id": "1", "etag": "token"}, b"authorization")
    assert REDACT(plain) is plain


def test_responses_and_trailers_are_redacted_too() -> None:
    secret = Headers.of({"set-cookie": f"id={SECRET}; Path=/; HttpOnly"})
    request = Request(trailers=secret)
    got = REDACT(Exchange("1", "n", request, Response(200, secret, trailers=secret)))
    assert SECRET.encode() not in encode(got)
    assert encode(got).count(b"[redacted ") == 3


def test_a_secret_that_the_exchange_repeats_is_gone_everywhere() -> None:
    sent = exchange(
        {
            "authorization": f"Bearer {SECRET}",
            "x-echo": f"got {SECRET}",
            "cookie": f"a=b; c={SECRET}",
        },
        f"authorization: Bearer {SECRET}\nplain {SECRET}!".encode(),
    )
    got = REDACT(sent)
    assert SECRET.encode() not in encode(got)
    assert got.request.headers.get("x-echo") == "got [redacted c32a80]"
    assert got.response is not None
    assert got.response.body.data.endswith(b"\nplain [redacted c32a80]!")


def test_words_around_a_secret_are_none() -> None:
    headers = {"authorization": f"Bearer {SECRET}", "set-cookie": f"session={SECRET}; HttpOnly"}
    body = b"Bearer session HttpOnly"
    got = REDACT(exchange(headers, body))
    assert got.response is not None
    assert got.response.body.data == body


@pytest.mark.parametrize("cut", range(6, len(SECRET)))
def test_a_secret_cut_through_by_a_bodys_bound_is_gone_too(cut: int) -> None:
    body = b"you sent " + SECRET[:cut].encode()
    got = REDACT(exchange({"authorization": SECRET}, body, truncated=True))
    assert got.response is not None
    assert got.response.body.data == b"you sent [redacted c32a80]"


def test_equal_values_have_equal_marks_in_one_run_and_other_ones_in_the_next() -> None:
    one, two = Redactor(), Redactor()
    assert one.mark("a") == one.mark("a") != one.mark("b")
    assert one.mark("a") != two.mark("a")
    assert "key=" not in repr(one)


def test_names_are_configurable() -> None:
    redact = Redactor(Rules(headers=("end-*",)), key=b"key")
    got = redact(exchange({"end-user": "jason", "authorization": "x"}))
    assert got.request.headers.get("authorization") == "x"
    assert got.request.headers.get("end-user") == redact.mark("jason")


@given(st.text(min_size=6), st.text(), st.text())
def test_any_value_is_gone_from_its_header(value: str, before: str, after: str) -> None:
    sent = Headers.of_bytes([(b"cookie", value.encode("utf-8", "surrogatepass"))])
    body = Body((before + after).encode("utf-8", "surrogatepass"), truncated=True)
    got = REDACT(Exchange("1", "n", Request(headers=sent), Response(body=body)))
    mark = got.request.headers.get("cookie") or ""
    assert mark.startswith("[redacted ")
    assert len(mark) == len("[redacted 3f9a1c]")
