"""What is said at the prompt, and what comes of it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debugger.breakpoints.breakpoint import Phase
from debugger.console.commands import COMMANDS
from debugger.console.console import Console, Misuse, Said
from debugger.gate.answers import Abort
from debugger.gate.edit import Edit
from debugger.gate.hold import Held, Missed, Release, Released
from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response


def hold(name: str = "41c0", phase: Phase = Phase.REQUEST, **more: Any) -> Held:
    request = Request(
        "POST",
        "/reviews/1",
        "reviews",
        headers=Headers.of({"x-plan": "free", "content-type": "application/json"}),
        body=Body(b'{"a": 1}', size=8) if phase >= Phase.REQUEST_BODY else Body(),
    )
    response = Response(503) if phase >= Phase.RESPONSE else None
    source = Endpoint("productpage", "v1")
    exchange = Exchange(name, "reviews-v2", request, response, source=source, cluster="local")
    attributes = {"xds.route_name": "all", "empty": ""}
    return Held(
        name, "b1", "reviews-v2", phase, exchange, 100.0, 160.0, attributes=attributes, **more
    )


def console(*holds: Held) -> Console:
    found = Console(lambda: 110.0)
    for each in holds or (hold(),):
        found.heard(each)
    return found


def run(at: Console, *lines: str) -> Said:
    for line in lines[:-1]:
        at.run(line)
    return at.run(lines[-1])


def test_what_is_held_is_one_line() -> None:
    assert console().heard(hold("41c1", Phase.RESPONSE)) == [
        "● held 41c1  POST /reviews/1 → 503 from productpage v1 at reviews-v2   response headers"
    ]


@pytest.mark.parametrize(
    ("lines", "edit"),
    [
        (["set x-plan: team"], Edit({"x-plan": "team"})),
        (["set X-Plan=team"], Edit({"x-plan": "team"})),
        (["set x-plan team of two"], Edit({"x-plan": "team of two"})),
        (["set :path: /b"], Edit({":path": "/b"})),
        (["set path /b?c=d"], Edit({":path": "/b?c=d"})),
        (
            ["path /b", "method PUT", "host other"],
            Edit({":path": "/b", ":method": "PUT", ":authority": "other"}),
        ),
        (["status 201"], Edit({":status": "201"})),
        (["remove x-plan x-other"], Edit(removed=("x-plan", "x-other"))),
        (["rm x-plan", "set x-plan: a"], Edit({"x-plan": "a"})),
        (['body {"b": 2}'], Edit(body=b'{"b": 2}')),
        (["set a: b", "undo"], Edit()),
    ],
)
def test_changes_go_with_the_release(lines: list[str], edit: Edit) -> None:
    assert run(console(), *lines, "continue") == Said(
        hold="41c0", release=Release("continue", edit)
    )
    assert run(console(), *lines, "n").release == Release("step", edit)


def test_a_name_may_be_cut_short_where_it_is_clear() -> None:
    assert run(console(), "cont").release == Release("continue")
    with pytest.raises(Misuse, match="'st' may be status, step"):
        run(console(), "st")


def test_somebody_can_be_answered() -> None:
    assert run(console(), "abort").release == Release("abort", abort=Abort(503, b""))
    said = run(console(), "abort 418 no tea")
    assert said.release == Release("abort", abort=Abort(418, b"no tea"))


def test_fields_are_shown_as_they_would_be_sent() -> None:
    at = console()
    at.run("set x-plan: team")
    assert at.run("headers").lines == (
        "  :method: POST",
        "  :path: /reviews/1",
        "  :authority: reviews",
        "  :scheme: http",
        "* x-plan: team",
        "  content-type: application/json",
    )
    answered = console(hold(phase=Phase.RESPONSE))
    assert answered.run("h").lines == ("  :status: 503",)


def test_a_body_is_shown_as_what_it_means() -> None:
    at = console(hold(phase=Phase.REQUEST_BODY, whole=False))
    assert at.run("body").lines == (
        "  json, 8 bytes",
        "  | {",
        '  |   "a": 1',
        "  | }",
        "  … only the beginning is here; the rest goes on behind it",
    )
    assert console().run("body").lines == (
        "  the body has not come yet: step, or break on its phase",
    )


def test_all_that_is_known_is_one_page() -> None:
    lines = console().run("show").lines
    assert lines[0].startswith("● held 41c0")
    assert lines[1].startswith("  route –   cluster local   productpage v1 → ")
    assert lines[-1] == "  held for 50 s more, unless it is released"
    assert console().run("a").lines == (f"  {'xds.route_name':<38}  all",)


def test_of_several_one_is_looked_at() -> None:
    at = console(hold("a1"), hold("a2"))
    assert [line[:12] for line in at.run("holds").lines] == ["> ● held a1 ", "  ● held a2 "]
    at.run("use a2")
    assert at.run("c").hold == "a2"
    assert at.run("c a1").hold == "a1"
    with pytest.raises(Misuse, match="no request 'a3' is held here; there is 'a"):
        at.run("use a3")


def test_what_ended_by_itself_is_told_and_the_next_one_is_looked_at() -> None:
    at = console(hold("a1"), hold("a2"))
    assert at.heard(Released("a1", "expired", 60.0, goes_on=True)) == [
        "○ a1 goes on after 60.0 s: its lease is over"
    ]
    assert at.current == "a2"
    assert at.heard(Released("a2", "gone", 1.0, goes_on=False)) == [
        "○ a2 ends after 1.0 s: its client has gone"
    ]
    assert at.heard(Released("a3", "gone", 1.0, goes_on=False)) == []
    assert at.heard(Missed("b1", "web", "2000 are held already")) == [
        "missed at web: 2000 are held already"
    ]
    assert at.heard("b1") == ["breakpoint b1 has held all that it was to hold"]
    with pytest.raises(Misuse, match="nothing is held"):
        at.run("headers")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("heders", "unknown command 'heders'; did you mean 'headers'?"),
        ("set", "expected NAME: VALUE, got ''"),
        ("set alone", "expected NAME: VALUE, got 'alone'"),
        ("remove", "expected the name of a field"),
        ("path", "expected path VALUE"),
        ("abort 99", "expected a status from 200 to 599, got '99'"),
        ("abort tea", "expected a status from 200 to 599, got 'tea'"),
        ("c 'a", 'no closing quotation: "\'a"'),
    ],
)
def test_what_makes_no_sense_gets_words(line: str, why: str) -> None:
    with pytest.raises(Misuse) as caught:
        console().run(line)
    assert str(caught.value) == why


def test_nothing_and_the_end() -> None:
    assert console().run("   ") == Said()
    assert console().run("quit") == Said(quits=True)
    assert len(console().run("help").lines) == len(COMMANDS)


def test_nothing_that_a_terminal_obeys_is_shown() -> None:
    held = hold()
    at = console(held)
    at.run("set x-evil: \x1b[2Jgone")
    assert all("\x1b" not in line for line in at.run("headers").lines)


@given(st.text(max_size=60) | st.sampled_from([name for c in COMMANDS for name in c.names]))
def test_any_line_is_a_command_or_a_misuse(line: str) -> None:
    with contextlib.suppress(Misuse):
        assert isinstance(console().run(line), Said)
