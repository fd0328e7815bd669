"""Where to stop, in words: each condition holds where it says, and a wrong one is told why."""

from __future__ import annotations

import pytest

from debugger.stepping.conditions import EXAMPLES, WHAT, read_condition
from debugger.stepping.run.history import SteppingError
from debugger.stepping.session import Session
from tests.debugger.stepping.runs import LINES, busy, session

BROKEN = {"x-loud": "1", "x-broken": "1"}


def holds_at(found: Session, text: str) -> list[str]:
    holds = read_condition(text, found.places)
    return [f"{one.kind} {one.event.name}" for one in found.cursor.history.stops if holds(one)]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("hostcall proxy_log", ["hostcall proxy_log"]),
        ("hostcall log", ["hostcall proxy_log"]),
        ("hostcall add_*", ["hostcall proxy_add_header_map_value"]),
        ("callback request_headers", ["callback proxy_on_request_headers"]),
        ("callback proxy_on_response*", []),
        ("header X-Greeted", ["hostcall proxy_add_header_map_value"]),
        ("header x-loud", []),
        ("log HELL", ["hostcall proxy_log"]),
        ("trap", ["trap proxy_on_request_headers"]),
        ("trap unreachable", ["trap proxy_on_request_headers"]),
        ("trap out of bounds", []),
        ("line filter.rs:42", ["hostcall proxy_log"]),
        ("line /src/filter.rs:59", ["hostcall proxy_get_header_map_value", "hostcall proxy_log"]),
        ("line lter.rs:42", []),
    ],
)
def test_a_condition_holds_where_it_says(text: str, where: list[str]) -> None:
    assert holds_at(session(LINES, BROKEN), text) == where


def test_a_field_that_one_hostcall_removes_and_another_changes_is_found_at_both() -> None:
    found = session(busy())
    assert holds_at(found, "header x-b") == [
        "hostcall proxy_add_header_map_value",
        "hostcall proxy_remove_header_map_value",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "unknown condition ''"),
        ("hostcal proxy_log", "unknown condition 'hostcal'; did you mean 'hostcall'?"),
        ("hostcall", "hostcall: expected a hostcall's name, as in 'hostcall proxy_send_local"),
        ("hostcall proxy_lgo", "unknown hostcall 'proxy_lgo'; did you mean 'proxy_log'?"),
        ("callback nonsense*", "callback nonsense\\*: no callback has such a name"),
        ("line filter.rs", "line filter.rs: expected FILE:LINE"),
        ("line filter.rs:x", "expected FILE:LINE"),
    ],
)
def test_a_wrong_condition_is_told_why(text: str, why: str) -> None:
    with pytest.raises(SteppingError, match=why):
        read_condition(text, session(LINES).places)


def test_every_kind_has_words_and_an_example_that_is_one() -> None:
    assert list(WHAT) == list(EXAMPLES)
    places = session(LINES).places
    assert all(read_condition(text, places) for text in EXAMPLES.values())
