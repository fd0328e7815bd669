from __future__ import annotations

from typing import Any

import pytest

from debugger.routing.arriving.arrival import Arrival
from mesh_traffic import Headers, Request
from tests.debugger.routing.made import answers, decide, exact, only, request, table
from xds_server.protos import envoy_type, matcher, route, xds_core

SENT = {"-": (), "a": ("a",), "b": ("b",), "ab": ("a", "b"), "bb": ("b", "b"), "e": ("",)}


def header(**matched: Any) -> list[route.HeaderMatcher]:
    return [route.HeaderMatcher(name="X-A", **matched)]


@pytest.mark.parametrize(
    ("matched", "holds"),
    [
        ({"string_match": exact("a")}, "a ab"),
        ({"string_match": exact("a"), "invert_match": True}, "b bb e"),
        (
            {
                "string_match": exact("a"),
                "invert_match": True,
                "treat_missing_header_as_empty": True,
            },
            "- b bb e",
        ),
        ({"string_match": exact(""), "treat_missing_header_as_empty": True}, "- e"),
        ({}, "a b ab bb e"),
        ({"invert_match": True}, "-"),
        ({"treat_missing_header_as_empty": True}, "- a b ab bb e"),
        ({"present_match": False}, "-"),
        ({"present_match": False, "invert_match": True}, "a b ab bb e"),
        ({"present_match": False, "treat_missing_header_as_empty": True}, ""),
    ],
)
def test_one_of_several_values_is_enough_and_a_missing_one_never(
    matched: dict[str, Any], holds: str
) -> None:
    """As Envoy 1.40 answered."""
    routes = table(answers(headers=header(**matched)))
    found = [
        name
        for name, values in SENT.items()
        if decide(routes, Request(headers=Headers(tuple(("x-a", v) for v in values)))).taken
    ]
    assert found == holds.split()


@pytest.mark.parametrize(
    ("value", "holds"),
    [("1", True), ("+1", True), ("01", True), (" 2 ", True), ("50", False), ("-1", False),
     ("1.0", False), ("0x5", False), ("1_0", False), ("٣", False), ("", False)],
)  # fmt: skip
def test_a_number_is_one_of_ascii(value: str, holds: bool) -> None:
    numbers = header(range_match=envoy_type.Int64Range(start=1, end=50))
    assert only(decide(table(answers(headers=numbers)), request(x_a=value))).holds is holds


def test_a_value_that_envoy_makes_is_undecided() -> None:
    routes = table(answers(headers=header(string_match=exact("a"))))
    condition = only(routes.route(Arrival(Request(), made=frozenset({"x-a"}))))
    assert condition.holds is None
    assert condition.why == "Envoy makes its value"
    there = table(answers(headers=header())).route(Arrival(Request(), made=frozenset({"x-a"})))
    assert only(there).holds


def test_a_query_parameter_counts_as_it_was_written() -> None:
    wanted = [route.QueryParameterMatcher(name="a", string_match=exact("1"))]
    routes = table(answers(query_parameters=wanted))
    sent = ["/?a=1", "/?b&a=1", "/?a=1&a=2", "/?a=2&a=1", "/?a=%31", "/?A=1", "/"]
    assert [path for path in sent if decide(routes, request(path)).taken] == sent[:3]


def test_a_cookie_that_is_missing_holds_when_turned_around() -> None:
    wanted = [route.CookieMatcher(name="a", string_match=exact("1"), invert_match=True)]
    condition = only(decide(table(answers(cookies=wanted)), request()))
    assert condition.holds
    assert condition.text == "cookie a: not '1'"
    assert condition.why == "the cookie is absent"


def test_a_matcher_that_is_not_read_is_undecided() -> None:
    custom = matcher.StringMatcher(custom=xds_core.TypedExtensionConfig(name="x"))
    for given in (
        {"headers": header(string_match=custom)},
        {"query_parameters": [route.QueryParameterMatcher(name="a", string_match=custom)]},
        {"cookies": [route.CookieMatcher(name="a", string_match=custom)]},
    ):
        condition = only(decide(table(answers(**given)), request()))
        assert (condition.holds, condition.why) == (None, "a custom matcher is not read here")


def test_a_condition_says_what_was_wanted_and_found() -> None:
    condition = only(
        decide(table(answers(headers=header(string_match=exact("a")))), request(x_a="b"))
    )
    assert (condition.text, condition.why) == ("header X-A: 'a'", "it is 'b'")
    assert condition.path == "virtual_hosts[0].routes[0].match.headers[0]"
