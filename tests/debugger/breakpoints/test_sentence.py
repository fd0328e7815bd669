"""What a sentence says, and what is none."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debugger.breakpoints.breakpoint import Phase, Place
from debugger.breakpoints.sentence import SentenceError, read_sentence
from mesh_traffic import Exchange, Headers, Request, Response

SERVICES = frozenset(("productpage", "reviews", "details"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("on reviews when ~m GET", Place("reviews")),
        ("reviews", Place("reviews")),
        ("on reviews/v2", Place("reviews", "v2")),
        ("reviews v2 when ~m GET", Place("reviews", "v2")),
        ("productpage -> reviews when ~m GET", Place("reviews", "", "productpage")),
        ("on productpage → reviews", Place("reviews", "", "productpage")),
        ("ingress", Place("ingress")),
        ("ingress -> productpage", Place("productpage", "", "ingress")),
        ("when ~m GET", Place()),
        ("*", Place()),
        ("", Place()),
    ],
)
def test_the_place_comes_first(text: str, place: Place) -> None:
    assert read_sentence(text, SERVICES).place == place


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("reviews", Phase.REQUEST),
        ("reviews when phase == request-body", Phase.REQUEST_BODY),
        ("reviews when ~m GET and phase == response", Phase.RESPONSE),
        ("reviews when phase == response-headers & ~m GET", Phase.RESPONSE),
        ("reviews when phase == response-body and (~m GET or ~m PUT)", Phase.RESPONSE_BODY),
        ("reviews when status >= 500", Phase.RESPONSE),
        ("reviews when ~c 503 and ~m GET", Phase.RESPONSE),
        ("reviews when ~bq secret", Phase.REQUEST_BODY),
        ("reviews when ~bs secret", Phase.RESPONSE_BODY),
        ("reviews when path == 'status > 3'", Phase.REQUEST),
        ("reviews when header x-status == 3", Phase.REQUEST),
    ],
)
def test_the_phase_is_named_or_the_first_in_which_the_condition_can_be_told(
    text: str, phase: Phase
) -> None:
    assert read_sentence(text, SERVICES).phase == phase


POST = Exchange("1", "n", Request("POST", "/a and b", headers=Headers.of({"plan": "team"})))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("~m POST and header plan == team", True),
        ("~m GET or header plan == team", True),
        ("not ~m POST", False),
        ("not (~m GET or ~m PUT) and path == '/a and b'", True),
        ("~m POST and phase == request and header plan == team", True),
        ("phase == request and ~m GET", False),
    ],
)
def test_words_mean_what_the_signs_of_a_filter_do(condition: str, holds: bool) -> None:
    assert read_sentence(f"reviews when {condition}", SERVICES).match(POST) is holds


def test_a_response_can_be_asked_about() -> None:
    match = read_sentence("reviews when status == 503 and phase == response").match
    failed = Exchange("1", "n", Request(), Response(503))
    assert match(failed)
    assert not match(POST)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("revews when ~m GET", "unknown service 'revews'; did you mean 'reviews'?"),
        (
            "a b c d",
            "expected [on] SERVICE, SERVICE/VERSION or CALLER -> SERVICE, and then 'when'; "
            "got 'a b c d'",
        ),
        ("productpage -> *", "'*' stands by itself, got 'productpage -> *'"),
        (
            "reviews when status == abc",
            "'abc' is no whole number\n  reviews when status == abc\n" + " " * 25 + "^",
        ),
        (
            "reviews when ~m GET and phase == later",
            "expected phase == one of request, request-headers, request-body, response, "
            "response-headers, response-body\n  reviews when ~m GET and phase == later\n"
            + " " * 26
            + "^",
        ),
        (
            "reviews when phase == request or ~m GET",
            "the phase stands by itself, joined to the rest by 'and'\n"
            "  reviews when phase == request or ~m GET\n" + " " * 15 + "^",
        ),
        (
            "reviews when phase == request and phase == response",
            "the phase is named twice\n  reviews when phase == request and phase == response\n"
            + " " * 36
            + "^",
        ),
        (
            "reviews when status == 500 and phase == request",
            "'status' is not known in the phase 'request headers', but in 'response headers'",
        ),
        ("x" * 3000, "3000 characters, wanted at most 2000"),
    ],
)
def test_what_is_no_sentence_is_said_with_its_place(text: str, why: str) -> None:
    with pytest.raises(SentenceError) as caught:
        read_sentence(text, SERVICES)
    assert str(caught.value) == why


@given(st.text(alphabet="on reviews/wh->phase=!&|()'\"~m*", max_size=40) | st.text(max_size=40))
def test_any_text_is_a_sentence_or_an_error(text: str) -> None:
    with contextlib.suppress(SentenceError):
        assert read_sentence(text).match(POST) in (True, False)
