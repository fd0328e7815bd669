"""What mitmweb's pages send of an edit, and what anybody else might."""

from __future__ import annotations

import gzip
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Body, Exchange, Headers, Request, Response, replace
from tap.flows.web.holds import Refused
from tap.flows.web.holds.edits import MAX_HEADERS, MAX_TEXT, edited, with_content
from tests.tap.exchanges import EXCHANGE, SAMPLE, sample


def of_request(**told: Any) -> Request:
    return edited(SAMPLE, "request", {"request": told}).request


def with_body(data: bytes, **headers: str) -> Exchange:
    named = Headers.of({name.replace("_", "-"): value for name, value in headers.items()})
    return sample(request=replace(SAMPLE.request, headers=named, body=Body(data)))


def test_each_part_of_a_request_can_be_another_one() -> None:
    assert of_request(method="PUT").method == "PUT"
    assert of_request(path="").path == ""  # whether it can be sent is not for here
    assert of_request(scheme="https").scheme == "https"
    fields = [["host", "reviews:9080"], ["x-a", "1"], ["x-a", "3"]]
    assert of_request(headers=fields).headers == Headers((("x-a", "1"), ("x-a", "3")))


def test_an_address_comes_in_parts_and_is_mostly_as_it_was() -> None:
    address = {"path": "", "scheme": "http", "host": "reviews", "port": 9080}
    assert of_request(**address | {"path": "/2"}).authority == "reviews:9080"
    assert of_request(**address | {"host": "ratings"}).authority == "ratings:9080"
    assert of_request(**address | {"port": 1}).authority == "reviews:1"
    plain = sample(request=replace(SAMPLE.request, authority="reviews"))
    told = {"request": {"host": "ratings", "port": 80}}
    assert edited(plain, "request", told).request.authority == "ratings"


def test_the_host_is_among_the_headers() -> None:
    assert of_request(headers=[["Host", "ratings"]]).authority == "ratings"
    for hosts in ([], [["host", "a"], ["host", "b"]]):
        with pytest.raises(Refused, match=f"a request has one host, got {len(hosts)}"):
            of_request(headers=hosts)


def test_a_response_is_edited_when_it_is_the_one_that_is_held() -> None:
    told = {"response": {"code": 418, "headers": [["a", "1"]], "content": "short"}}
    response = edited(SAMPLE, "response", told).response
    assert response == Response(418, Headers((("a", "1"),)), Body(b"short", size=5))
    with pytest.raises(Refused, match="the request is on its way already: the response is held"):
        edited(SAMPLE, "response", {"request": {"path": "/2"}})
    with pytest.raises(Refused, match="the response has not come yet: the request is held"):
        edited(SAMPLE, "request", told)


def test_a_new_body_says_how_long_it_is_and_is_not_encoded() -> None:
    before = with_body(gzip.compress(b"five"), content_encoding="gzip", content_length="24")
    for after in (
        edited(before, "request", {"request": {"content": "one"}}),
        with_content(before, "request", b"one"),
    ):
        assert after.request.body == Body(b"one", size=3)
        assert after.request.headers == Headers((("content-length", "3"),))
    changed = with_content(SAMPLE, "response", b"\0\xff").response
    assert changed is not None
    assert changed.body.data == b"\0\xff"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"five\r\nstars\r\n", "five\nstars\n"),
        (b"a\r\nb\nc", "a\r\nb\nc"),
        (b"\xef\xbb\xbfa", "a"),
        (b"a\xff", "a\ufffd"),
        (b"", ""),
    ],
)
def test_what_the_editor_was_sent_and_gives_back_is_no_change(data: bytes, shown: str) -> None:
    before = with_body(data)
    assert edited(before, "request", {"request": {"content": shown}}) == before


def test_line_ends_that_the_editor_does_not_know_are_put_back() -> None:
    told = {"request": {"content": "one\nstar\n"}}
    assert edited(with_body(b"a\r\nb\r\n"), "request", told).request.body.data == b"one\r\nstar\r\n"
    assert edited(with_body(b"a\nb"), "request", told).request.body.data == b"one\nstar\n"


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (with_body(b"a\xff"), "no plain UTF-8"),
        (with_body(b"\xef\xbb\xbfa"), "no plain UTF-8"),
        (with_body(gzip.compress(b"five" * 99)[:15], content_encoding="gzip"), "only a part"),
        (with_body(b"five", content_encoding="secret"), "only a part"),
    ],
)
def test_what_the_editor_can_not_show_it_can_not_give_back(before: Exchange, why: str) -> None:
    with pytest.raises(Refused, match=why):
        edited(before, "request", {"request": {"content": "one"}})


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([], "a flow has to be an object, got list"),
        ({"comment": "mine"}, "'comment' of a flow can't be changed"),
        ({"marked": ":x:"}, "'marked' of a flow can't be changed"),
        ({"x" * 999: 1}, "'x{40}' of a flow"),
        ({"request": None}, "request has to be an object, got NoneType"),
        ({"request": {"http_version": "HTTP/3"}}, "'http_version' of a request can't be"),
        ({"request": {"trailers": []}}, "'trailers' of a request can't be changed here"),
        ({"request": {"__class__": "Response"}}, "'__class__' of a request can't be changed"),
        ({"request": {"method": 7}}, "'method' has to be text, got int"),
        ({"request": {"path": "/\ud800"}}, "'path' has a half of a character at 1"),
        ({"request": {"port": True}}, "'port' has to be a whole number, got bool"),
        ({"request": {"port": "80"}}, "'port' has to be a whole number, got str"),
        ({"request": {"headers": {}}}, "'headers' has to be a list, got dict"),
        ({"request": {"headers": [["a"]]}}, "a list of names with their values"),
        ({"request": {"headers": [["a", None]]}}, "'header' has to be text, got NoneType"),
        ({"request": {"path": "/" * (MAX_TEXT + 1)}}, "'path' of 65537 characters, wanted at"),
        ({"request": {"headers": [["a", "b" * 999]] * 99}}, "headers of more than 65536"),
        ({"request": {"headers": [["a", ""]] * (MAX_HEADERS + 1)}}, "1001 headers, wanted at most"),
        ({"request": {"content": None}}, "'content' has to be text, got NoneType"),
        ({"request": {"content": "\ud800"}}, "'content' has a half of a character at 0"),
    ],
)
def test_what_is_no_edit_is_refused_in_words(told: Any, why: str) -> None:
    with pytest.raises(Refused, match=why):
        edited(SAMPLE, "request", told)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("request", "response", "headers", "content", "code", "host", "port")),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(EXCHANGE, st.sampled_from(("request", "response")), JSON)
def test_any_json_is_an_exchange_or_refused(before: Exchange, held: Any, told: Any) -> None:
    if held == "response" and before.response is None:
        before = replace(before, response=Response())
    with suppress(Refused):
        after = edited(before, held, told)
        assert after.id == before.id
        other = "response" if held == "request" else "request"
        assert getattr(after, other) == getattr(before, other)
