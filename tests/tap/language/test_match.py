"""Filter expressions: what they let through, and where they are wrong."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response
from tap.language.conditions import Atom, Condition, Every, Some
from tap.language.match import MatchError, compile_match, read_match

EXCHANGE = Exchange(
    id="9f3e",
    node="productpage-v1",
    request=Request(
        "POST",
        "/reviews/1?full=1",
        "reviews:9080",
        headers=Headers.of({"End-User": "jason", "content-type": "application/json"}),
        body=Body(b'{"stars": 5}'),
    ),
    response=Response(503, Headers.of({"retry-after": "1"}), Body(b"overflow")),
    direction="outbound",
    source=Endpoint("productpage", "v1"),
    destination=Endpoint("reviews", "v2"),
    duration=0.012,
    route="reviews-route",
    cluster="reviews-v2",
    flags=("UO", "URX", "??"),
)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "~all",
        "~m POST & status >= 500",
        "~m post",
        "~u reviews/\\d",
        "~u http://reviews:9080/",
        "~h 'end-user: jason'",
        "~hq jason",
        "~hs retry-after",
        "~b stars ~b overflow",
        "~bq '\"stars\": 5'",
        "~bs ^overflow$",
        "~c 503",
        "~d ^reviews$",
        "~t json",
        "~tq json",
        "~s",
        "!~q",
        "reviews",
        "'full=1'",
        "~q | ~s",
        "~q & ~q | ~s",
        "!(~q | ~m GET) ~s",
        "!!~s",
        "status==503",
        "status != 200",
        "status <= 503 & status < 504 & status > 502",
        "service == reviews & version == v2",
        "service != ratings",
        "source == productpage",
        "path ~ ^/reviews",
        "path !~ ^/ratings",
        "method == POST",
        "node == productpage-v1",
        "direction == outbound",
        "id == 9f3e",
        "host == reviews:9080",
        "duration > 10ms & duration < 0.1s & duration >= 12000us & duration < 1m",
        "flags == UO & flags == URX & flags != UF",
        "flags ~ ^U",
        "flags ~ 'circuit breaker'",
        "flags == 'circuit breaker open'",
        "latency > 10ms & route == reviews-route & cluster ~ v2$",
        "header end-user == jason",
        "header END-USER ~ ^jas",
        "header absent != x",
        "header retry-after == 1",
    ],
)
def test_it_matches(expression: str) -> None:
    assert compile_match(expression)(EXCHANGE) is True
    if expression.strip():
        assert compile_match(f"!({expression})")(EXCHANGE) is False


@pytest.mark.parametrize(
    "expression",
    [
        "~m GET",
        "~hs jason",
        "~hq retry-after",
        "~bs stars",
        "~c 200",
        "~ts json",
        "~q",
        "service == productpage",
        "status < 500",
        "duration > 12ms",
        "header absent == ''",
        "flags == UF",
        "flags == ''",
        "flags !~ 'circuit breaker'",
        "~s & ~q",
        "nothing ~m POST",
    ],
)
def test_it_does_not_match(expression: str) -> None:
    assert compile_match(expression)(EXCHANGE) is False


@pytest.mark.parametrize(
    ("expression", "matches"),
    [("status >= 100", False), ("status != 200", True), ("duration > 0s", False), ("~c 0", False)],
)
def test_what_was_not_seen_compares_as_false(expression: str, matches: bool) -> None:
    assert compile_match(expression)(Exchange("1", "n", Request())) is matches


@pytest.mark.parametrize(
    ("expression", "column", "why"),
    [
        ("status >= abc", 10, "'abc' is no whole number"),
        ("~m POST & verson == v2", 10, "unknown field 'verson'; did you mean 'version'?"),
        ("version > v1", 8, "text has no >, expected one of == != ~ !~"),
        ("status ~ 5", 7, "a number has no ~, expected one of == != >= <= > <"),
        ("duration > 100", 11, "'100' is no duration, expected a number with us, ms, s or m"),
        ("~m", 2, "expected a value, found the end"),
        ("(~m POST", 8, "expected a ), found the end"),
        ("~u [", 3, "'[' is no regular expression: unterminated character set at position 0"),
        ("[", 0, "'[' is no regular expression: unterminated character set at position 0"),
        ("header == x", 0, "unknown field 'header'; write: header NAME == VALUE"),
        ("status = 500", 0, "'status' wants a comparison, such as status == VALUE"),
        ("!", 1, "expected a comparison, an operator such as ~m, a word or (, found the end"),
        ("a & | b", 4, "expected a comparison, an operator such as ~m, a word or (, found '|'"),
        ("~m GET)", 6, "expected a comparison, an operator such as ~m, a word or (, found ')'"),
        ("(" * 1500, 0, "too many levels of parentheses or !"),
        ("x" * 2001, 2000, "longer than 2000 characters"),
    ],
)
def test_an_error_says_what_and_where(expression: str, column: int, why: str) -> None:
    with pytest.raises(MatchError) as caught:
        compile_match(expression)
    assert (caught.value.why, caught.value.column) == (why, column)


def test_an_unknown_operator_is_told_the_known_ones() -> None:
    with pytest.raises(MatchError, match="unknown operator '~z', expected one of ~all ~b ~bq ~bs"):
        compile_match("~z x")


def test_an_error_shows_the_expression_with_a_caret_under_the_place() -> None:
    with pytest.raises(MatchError) as caught:
        compile_match("status >= abc")
    assert str(caught.value) == "'abc' is no whole number\n  status >= abc\n            ^"


STATUS, POST = Atom("status", ">=", 500), Atom("~m", "", "POST")


@pytest.mark.parametrize(
    ("expression", "implied"),
    [
        ("", None),
        ("status >= 500", STATUS),
        ("~c 503", Atom("status", "==", 503)),
        ("latency < 10ms", Atom("latency", "<", 0.01)),
        ("~m POST status >= 500", Every((POST, STATUS))),
        ("~m POST | status >= 500", Some((POST, STATUS))),
        ("(~m POST | status >= 500) & ~q", Every((Some((POST, STATUS)), Atom("~q", "", "")))),
        ("header A == b & ~m POST & ~all", Every((Atom("header a", "==", "b"), POST))),
        ("header a == b | !(~m POST)", None),
        ("!(~m POST) & status >= 500", STATUS),
    ],
)
def test_what_an_expression_implies(expression: str, implied: Condition | None) -> None:
    assert read_match(expression).implied == implied


def test_whether_bodies_are_looked_at() -> None:
    for expression in ("~b x", "~m POST & !~bq x", "~q | (~s & ~bs x)"):
        assert read_match(expression).bodies
    assert not read_match("~m POST & ~h x | service == reviews").bodies


@given(st.text(alphabet="~mcqs &|!()'\"=<>1a\nstatus", max_size=30) | st.text(max_size=30))
def test_any_text_is_a_predicate_or_a_match_error(text: str) -> None:
    with contextlib.suppress(MatchError):
        assert compile_match(text)(EXCHANGE) in (True, False)


@pytest.mark.parametrize(
    ("expression", "reads"),
    [
        ("", False),
        ("status >= 500 & service == reviews", False),
        ("~m POST ~c 503", False),
        ("~h x-plan", True),
        ("!~bq hello", True),
        ("~ts json", True),
        ("header end-user == jason", True),
    ],
)
def test_an_expression_tells_whether_it_reads_headers_or_bodies(
    expression: str, reads: bool
) -> None:
    assert read_match(expression).message is reads
