"""What was changed on the page, and nothing else, as an edit."""

from __future__ import annotations

import pytest

from debugger.breakpoints.breakpoint import Phase
from debugger.browser.difference import edit_of
from debugger.gate.edit import Edit, EditError
from mesh_traffic import Body, Exchange, Headers, Request, Response, replace

SHOWN = Exchange(
    "41c0",
    "reviews-v1",
    Request(
        "POST",
        "/reviews/1",
        "reviews",
        headers=Headers.of(
            (
                ("authorization", "[redacted 3f9a1c]"),
                ("x-a", "1"),
                ("x-a", "2"),
                ("Cookie", "a=1"),
                ("content-length", "4"),
                ("content-encoding", "gzip"),
            )
        ),
        body=Body(b"five", size=4),
    ),
    Response(200, Headers.of((("set-cookie", "a"), ("set-cookie", "b"), ("etag", "1")))),
)
REQUEST, RESPONSE = Phase.REQUEST_BODY, Phase.RESPONSE


def of_request(**changes: object) -> Edit:
    return edit_of(SHOWN, replace(SHOWN, request=replace(SHOWN.request, **changes)), REQUEST)


def of_response(headers: Headers) -> Edit:
    return edit_of(SHOWN, replace(SHOWN, response=Response(200, headers)), RESPONSE)


def test_what_nobody_touched_is_not_sent() -> None:
    assert not edit_of(SHOWN, SHOWN, REQUEST)
    again = Headers(tuple((name.upper(), value) for name, value in SHOWN.request.headers))
    assert not of_request(headers=again)


def test_the_first_line_is_fields_too() -> None:
    changes = {"method": "PUT", "path": "/2", "authority": "ratings", "scheme": "https"}
    assert of_request(**changes) == Edit({f":{name}": value for name, value in changes.items()})
    changed = replace(SHOWN, response=replace(SHOWN.response, status=418))
    assert edit_of(SHOWN, changed, RESPONSE) == Edit({":status": "418"})


def test_only_the_held_message_counts() -> None:
    changed = replace(SHOWN, request=Request(), response=replace(SHOWN.response, status=418))
    assert edit_of(SHOWN, changed, RESPONSE) == Edit({":status": "418"})


def test_a_field_is_set_removed_or_left_and_several_values_are_one() -> None:
    headers = SHOWN.request.headers
    assert of_request(headers=headers.added("X-Plan", "team")) == Edit({"x-plan": "team"})
    assert of_request(headers=headers.removed("authorization")) == Edit({}, ("authorization",))
    assert of_request(headers=headers.replaced("X-A", "1")) == Edit({"x-a": "1"})
    assert of_request(headers=headers.added("x-a", "3")) == Edit({"x-a": "1, 2, 3"})
    assert of_request(headers=headers.added("cookie", "b=2")) == Edit({"cookie": "a=1; b=2"})


def test_cookies_that_are_set_are_one_or_as_they_came() -> None:
    headers = SHOWN.response.headers  # type: ignore[union-attr] # it has one
    assert of_response(headers.replaced("etag", "2")) == Edit({"etag": "2"})
    assert of_response(headers.replaced("set-cookie", "c")) == Edit({"set-cookie": "c"})
    with pytest.raises(EditError, match="set-cookie: one value can be set, got 3"):
        of_response(headers.added("set-cookie", "c"))


def test_length_and_coding_go_with_a_new_body() -> None:
    plain = SHOWN.request.headers.removed("content-encoding").replaced("content-length", "3")
    assert of_request(headers=plain, body=Body(b"one")) == Edit(body=b"one")
    wrong = plain.replaced("content-length", "9")
    assert of_request(headers=wrong, body=Body(b"one")).set == {"content-length": "9"}
    assert of_request(headers=plain.replaced("content-length", "9")).set == {"content-length": "9"}
