"""Which hold is which flow, and how it stands with it."""

from __future__ import annotations

from debugger.breakpoints.breakpoint import Phase
from debugger.browser.rows import MAX_ROWS, Row, Rows
from debugger.gate.hold import Held, Released
from mesh_traffic import Body, Exchange, Request, Response, replace

NOW = 1_767_323_045.0
EXCHANGE = Exchange(
    "",
    "reviews-v1",
    Request("GET", "/reviews/1"),
    request_id="8c5d",
    direction="inbound",
    started=NOW,
)
SEEN = replace(EXCHANGE, id="9f3e", response=Response(200, body=Body(b"five")), flags=("UF",))


def held(
    hold: str, phase: Phase = Phase.REQUEST, exchange: Exchange = EXCHANGE, since: float = NOW
) -> Held:
    if phase >= Phase.RESPONSE:
        exchange = replace(exchange, response=Response(204))
    return Held(hold, "b1", exchange.node, phase, replace(exchange, id=hold), since, since + 60)


def released(hold: str, how: str = "continue", goes_on: bool = True) -> Released:
    return Released(hold, how, 3.21, goes_on)


def told(rows: Rows, event: Held | Released) -> Row:
    row = rows.heard(event)
    assert row is not None
    return row


def test_what_is_held_waits_and_says_where_and_how_long() -> None:
    rows = Rows()
    row = told(rows, held("41c0"))
    assert (row.flow_id, row.waits, row.shown.id) == ("41c0", True, "41c0")
    assert row.standing.words == "held 41c0 at request headers, for 60 s at most"
    assert row.standing.held == "request"
    assert told(rows, held("41c1", Phase.RESPONSE_BODY)).standing.held == "response"
    assert (rows.waiting, rows.waits("41c0"), rows.waits("beef")) == (2, row, None)


def test_what_was_let_go_says_how_and_shows_what_was_sent() -> None:
    rows = Rows()
    row = told(rows, held("41c0"))
    row.sent = replace(row.held.exchange, request=Request("GET", "/2"))
    assert told(rows, released("41c0")) is row
    assert (row.waits, row.standing.words) == (False, "continued after 3.2 s")
    assert (row.shown.request.path, row.standing.over) == ("/2", False)
    assert (rows.waiting, rows.passed, rows.waits("41c0")) == (0, 1, None)
    assert rows.heard(released("41c0")) is None
    assert rows.heard(released("beef")) is None


def test_what_somebody_else_let_go_is_shown_as_it_came_and_says_so() -> None:
    rows = Rows()
    told(rows, held("41c0"))
    row = told(rows, released("41c0", "abort", goes_on=False))
    assert row.standing.words == "answered at once from elsewhere after 3.2 s"
    assert (row.standing.over, row.shown.request.path) == (True, "/reviews/1")


def test_a_hold_that_ended_by_itself_says_why() -> None:
    for how, goes_on, words in (
        ("expired", True, "went on: its lease is over, after 3.2 s"),
        ("expired", False, "ended: its lease is over, after 3.2 s"),
        ("removed", True, "went on: its breakpoint was removed, after 3.2 s"),
        ("gone", False, "ended: its client has gone, after 3.2 s"),
    ):
        rows = Rows()
        told(rows, held("41c0"))
        assert told(rows, released("41c0", how, goes_on)).standing.words == words


def test_a_step_keeps_its_flow_and_any_other_hold_is_a_new_one() -> None:
    rows = Rows()
    first = told(rows, held("41c0"))
    told(rows, released("41c0", "step"))
    again = told(rows, held("41c1"))  # the same request id, sent again
    other = told(rows, held("41c2", Phase.RESPONSE, replace(EXCHANGE, node="reviews-v2")))
    next_ = told(rows, held("41c3", Phase.RESPONSE))
    assert next_ is first
    assert {again.flow_id, other.flow_id, next_.flow_id} == {"41c1", "41c2", "41c0"}
    assert (next_.held.id, next_.shown.id, next_.standing.held) == ("41c3", "41c0", "response")
    told(rows, released("41c3"))
    assert told(rows, held("41c4", Phase.RESPONSE_BODY)).flow_id == "41c4"  # that was no step


def test_what_a_tap_saw_is_the_response_of_what_was_let_go() -> None:
    rows = Rows()
    row = told(rows, held("41c0"))
    row.sent = replace(row.held.exchange, request=Request("GET", "/2"))
    told(rows, released("41c0"))
    for other in (
        {"node": "x"},
        {"direction": "outbound"},
        {"request_id": "0"},
        {"started": NOW + 1},
    ):
        assert rows.captured(replace(SEEN, **other)) is None
    assert rows.captured(SEEN) is row
    shown = row.shown
    assert (shown.id, shown.status, shown.flags) == ("41c0", 200, ("UF",))
    assert (shown.request.path, row.standing.words) == ("/2", "continued after 3.2 s")
    assert row.standing.over
    assert rows.captured(SEEN) is None


def test_of_two_with_one_request_id_it_is_the_one_that_began_then() -> None:
    rows = Rows()
    for hold, started in (("41c0", NOW), ("41c1", NOW + 0.02)):
        told(rows, held(hold, exchange=replace(EXCHANGE, started=started)))
        told(rows, released(hold))
    row = rows.captured(replace(SEEN, started=NOW + 0.02))
    assert row is not None
    assert row.flow_id == "41c1"


def test_what_a_tap_saw_before_the_desk_told_of_it_is_kept() -> None:
    rows = Rows()
    told(rows, held("41c0"))
    assert rows.captured(SEEN) is None
    row = told(rows, released("41c0", "gone", goes_on=False))
    assert (row.shown.status, row.standing.words[:5]) == (200, "ended")


def test_when_the_mesh_has_ended_nothing_waits() -> None:
    rows = Rows()
    told(rows, held("41c0"))
    (row,) = rows.ended()
    assert (row.waits, row.standing.words, row.standing.over) == (False, "the mesh has ended", True)
    assert rows.ended() == []


def test_there_is_room_for_so_many_and_what_waits_goes_last() -> None:
    rows = Rows()
    told(rows, held("waits"))
    for number in range(MAX_ROWS):
        told(rows, held(str(number), exchange=replace(EXCHANGE, request_id=str(number))))
        told(rows, released(str(number)))
    assert rows.waits("waits") is not None
    assert rows.captured(replace(SEEN, request_id="0")) is None
    assert rows.captured(replace(SEEN, request_id="1")) is not None
