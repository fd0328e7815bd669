"""Who is held, how it goes on, and how every hold ends. Nothing runs: bytes in, commands out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debugger.breakpoints.breakpoint import Phase
from debugger.gate import gate as gates
from debugger.gate.answers import Abort
from debugger.gate.edit import Edit, EditError
from debugger.gate.gate import Gate, GateError
from debugger.gate.hold import Done, Held, Missed, Release, Released
from debugger.gate.session import ENVOY_KEEPS
from tests.debugger.gate.messages import (
    OUTBOUND,
    broken,
    closes,
    gate,
    held,
    opened,
    replies,
    request,
    request_body,
    response,
    response_body,
    told,
)


def test_what_nobody_means_goes_on_and_its_stream_ends() -> None:
    at = gate()
    broken(at, "reviews when ~m POST")
    commands = at.receive(opened(at), request(), 0.0)
    (answer,) = replies(commands)
    assert answer.WhichOneof("response") == "request_headers"
    assert closes(commands)
    assert not at.holds


def test_a_request_that_is_meant_waits_for_longer_than_its_lease() -> None:
    at = gate()
    broken(at, "reviews when header plan == team", lease=30.0)
    commands = at.receive(opened(at), request(plan="team"), 100.0)
    found = held(commands)
    (wait,) = replies(commands)
    assert wait.override_message_timeout.seconds == 30 + gates.GRACE
    assert not closes(commands)
    assert (found.phase, found.since, found.until) == (Phase.REQUEST, 100.0, 130.0)
    assert found.exchange.request.headers.get("plan") == "team"
    assert str(found.exchange.destination) == "reviews v2"
    assert at.holds == (found,)


def test_a_hold_goes_on_with_what_was_changed_of_it() -> None:
    at = gate()
    broken(at, "reviews")
    found = held(at.receive(opened(at), request(old="1"), 0.0))
    edit = Edit({"X-Plan": "team", ":path": "/b"}, ("old",))
    commands = at.release(found.id, Release("continue", edit), 2.5)
    (answer,) = replies(commands)
    common = answer.request_headers.response
    fields = {one.header.key: one.header.raw_value for one in common.header_mutation.set_headers}
    assert fields == {"x-plan": b"team", ":path": b"/b"}
    assert list(common.header_mutation.remove_headers) == ["old"]
    assert common.clear_route_cache
    assert closes(commands)
    (event,) = told(commands)
    assert event.event == Released(found.id, "continue", 2.5, goes_on=True)


def test_a_step_is_held_in_each_phase_that_comes() -> None:
    at = gate()
    broken(at, "reviews", limit=1)
    key = opened(at)
    found = held(at.receive(key, request(end=False), 0.0))
    phases = [found.phase]
    for message in (request_body(b"ask"), response(), response_body(b"answer")):
        at.release(found.id, Release("step"), 1.0)
        found = held(at.receive(key, message, 1.0))
        phases.append(found.phase)
    assert phases == list(Phase)
    assert found.exchange.request.body.data == b"ask"
    assert found.exchange.response is not None
    assert found.exchange.response.body.data == b"answer"
    assert closes(at.release(found.id, Release("step"), 1.0))


def test_only_phases_that_somebody_wants_are_asked_for() -> None:
    at = gate()
    key = opened(at)
    broken(at, "reviews when phase == response and status == 503")
    (answer,) = replies(at.receive(key, request(end=False), 0.0))
    mode = answer.mode_override
    assert (mode.request_body_mode, mode.response_header_mode) == (0, 1)
    assert (mode.response_body_mode, mode.request_trailer_mode) == (0, 2)
    assert closes(at.receive(key, response(200), 0.0))
    key = opened(at, "other")
    at.receive(key, request(), 0.0)
    assert held(at.receive(key, response(503), 0.0)).exchange.status == 503


def test_a_body_without_an_end_is_not_waited_for() -> None:
    at = gate()
    broken(at, "reviews when phase == response-body")
    key = opened(at)
    at.receive(key, request(), 0.0)
    commands = at.receive(key, response(**{"content-type": "text/event-stream"}), 0.0)
    assert closes(commands)
    key = opened(at, "websocket")
    broken(at, "reviews when phase == request-body")
    (answer,) = replies(at.receive(key, request(end=False, upgrade="websocket"), 0.0))
    assert answer.mode_override.request_body_mode == 0


def test_of_hits_the_first_may_go_by_and_a_breakpoint_may_be_done() -> None:
    at = gate()
    made = broken(at, "reviews", skip=2, limit=2)
    seen = []
    for number in range(6):
        commands = at.receive(opened(at, number), request(), 0.0)
        seen.append([type(one.event) for one in told(commands)])
    assert seen == [[], [], [Held], [Held, Done], [], []]
    assert made not in at.breakpoints


@pytest.mark.parametrize(("on_end", "status"), [("open", None), ("closed", 503)])
def test_a_lease_ends_as_its_breakpoint_says(on_end: str, status: int | None) -> None:
    at = gate()
    broken(at, "reviews", lease=10.0, on_end=on_end)
    found = held(at.receive(opened(at), request(), 0.0))
    assert at.tick(9.9) == []
    commands = at.tick(10.0)
    (event,) = told(commands)
    assert event.event == Released(found.id, "expired", 10.0, goes_on=status is None)
    (answer,) = replies(commands)
    if status is None:
        assert not answer.request_headers.response.HasField("header_mutation")
    else:
        assert answer.immediate_response.status.code == status
    assert closes(commands)


def test_when_its_breakpoint_goes_a_hold_goes_its_way() -> None:
    at = gate()
    made = broken(at, "reviews")
    found = held(at.receive(opened(at), request(), 0.0))
    commands = at.remove(made.id, 1.0)
    assert told(commands)[0].event == Released(found.id, "removed", 1.0, goes_on=True)
    with pytest.raises(GateError, match=f"no breakpoint '{made.id}'; there is none"):
        at.remove(made.id, 1.0)


def test_a_client_that_leaves_takes_its_hold_with_it() -> None:
    at = gate()
    broken(at, "reviews")
    key = opened(at)
    found = held(at.receive(key, request(), 0.0))
    (event,) = told(at.lost(key, 3.0))
    assert event.event == Released(found.id, "gone", 3.0, goes_on=False)
    assert at.holds == ()
    with pytest.raises(GateError, match=f"no request '{found.id}' is held; there is none"):
        at.release(found.id, Release(), 3.0)


def test_a_step_to_a_phase_that_never_comes_is_told() -> None:
    at = gate()
    made = broken(at, "reviews")
    key = opened(at)
    found = held(at.receive(key, request(), 0.0))
    at.release(found.id, Release("step"), 0.0)
    (event,) = told(at.lost(key, 3.0))
    assert event.event == Missed(made.id, "reviews-v2", "it ended before its next phase")


def test_a_breakpoint_that_goes_takes_its_steps_with_it() -> None:
    at = gate()
    made = broken(at, "reviews", limit=1)
    key = opened(at)
    found = held(at.receive(key, request(), 0.0))
    at.release(found.id, Release("step"), 0.0)
    at.remove(made.id, 0.0)
    assert closes(at.receive(key, response(), 0.0))
    assert at.holds == ()


def test_somebody_may_answer_in_the_place_of_the_upstream() -> None:
    at = gate()
    broken(at, "reviews")
    found = held(at.receive(opened(at), request(), 0.0))
    given = Release("abort", abort=Abort(418, b"no tea", {"x-by": "me"}))
    commands = at.release(found.id, given, 0.0)
    answer = replies(commands)[0].immediate_response
    assert (answer.status.code, answer.body, answer.details) == (418, b"no tea", "meshloom_debug")
    assert closes(commands)


def test_an_edit_that_cannot_be_sent_leaves_the_request_held() -> None:
    at = gate()
    broken(at, "reviews")
    found = held(at.receive(opened(at), request(), 0.0))
    with pytest.raises(EditError, match="content-length: the body says how long it is"):
        at.release(found.id, Release("continue", Edit({"content-length": "3"})), 0.0)
    assert at.holds == (found,)


def test_of_a_body_that_is_not_whole_nothing_can_be_changed() -> None:
    at = gate()
    broken(at, "reviews when phase == request-body")
    key = opened(at)
    at.receive(key, request(end=False), 0.0)
    found = held(at.receive(key, request_body(b"x" * ENVOY_KEEPS, end=False), 0.0))
    assert not found.whole
    with pytest.raises(EditError, match="only the beginning of the body is here"):
        at.release(found.id, Release("continue", Edit(body=b"x")), 0.0)
    assert replies(at.release(found.id, Release(), 0.0))


def test_a_body_that_trailers_follow_is_whole() -> None:
    at = gate()
    broken(at, "reviews when phase == request-body")
    key = opened(at)
    at.receive(key, request(end=False), 0.0)
    assert held(at.receive(key, request_body(b"all", end=False), 0.0)).whole


def test_secrets_are_marks_to_people_and_themselves_to_the_upstream() -> None:
    at = gate()
    broken(at, "reviews")
    token = "Bearer abcdef123456"
    found = held(at.receive(opened(at), request(authorization=token), 0.0))
    mark = found.exchange.request.headers.get("authorization") or ""
    assert mark.startswith("[redacted ")
    commands = at.release(found.id, Release("continue", Edit({"x-copy": f"was {mark}"})), 0.0)
    (field,) = replies(commands)[0].request_headers.response.header_mutation.set_headers
    assert field.header.raw_value == f"was {token}".encode()


def test_a_breakpoint_holds_at_its_place_only() -> None:
    at = gate()
    broken(at, "productpage -> details")
    assert closes(at.receive(opened(at, 1, OUTBOUND), request(), 0.0))
    broken(at, "productpage -> reviews")
    assert held(at.receive(opened(at, 2, OUTBOUND), request(), 0.0))
    assert closes(at.receive(opened(at, 3), request(), 0.0))


def test_where_a_request_goes_is_what_its_route_says_and_not_its_host() -> None:
    at = gate()
    broken(at, "productpage -> reviews/v2")
    by_address = {":authority": "127.0.0.1:1002"}
    for key, cluster in enumerate(("", "details", "reviews", "reviews/v1")):
        message = request(cluster=cluster, **by_address)
        assert closes(at.receive(opened(at, key, OUTBOUND), message, 0.0))
    message = request(cluster="reviews/v2", **by_address)
    found = held(at.receive(opened(at, "v2", OUTBOUND), message, 0.0))
    assert str(found.exchange.destination) == "reviews v2"


def test_a_place_without_an_envoy_is_refused() -> None:
    at = gate()
    with pytest.raises(GateError, match="no Envoy is there to hold requests at: reviews/v7"):
        broken(at, "reviews/v7")


def test_bounds_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "MAX_HOLDS", 2)
    at = gate()
    made = broken(at, "reviews")
    for number in range(2):
        at.receive(opened(at, number), request(), 0.0)
    commands = at.receive(opened(at, 2), request(), 0.0)
    assert told(commands)[0].event == Missed(made.id, "reviews-v2", "2 are held already")
    assert closes(commands)
    monkeypatch.setattr(gates, "MAX_BREAKPOINTS", 1)
    with pytest.raises(GateError, match="there are 1 breakpoints already"):
        broken(at, "reviews")


def test_of_bodies_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "MAX_HELD", 10)
    at = gate()
    broken(at, "reviews when phase == request-body")
    for key, data, kept in ((1, b"12345678", 8), (2, b"12345678", 2)):
        opened(at, key)
        at.receive(key, request(end=False), 0.0)
        found = held(at.receive(key, request_body(data), 0.0))
        assert len(found.exchange.request.body.data) == kept
        assert found.whole == (kept == 8)
    for each in at.holds:
        at.release(each.id, Release(), 0.0)
    opened(at, 3)
    at.receive(3, request(end=False), 0.0)
    assert held(at.receive(3, request_body(b"1234567890"), 0.0)).whole


@given(
    st.lists(st.sampled_from(("request", "body", "response", "end", "junk", "tick")), max_size=12)
)
def test_any_order_of_messages_ends_every_stream_once(given_events: list[str]) -> None:
    at: Gate = gate()
    broken(at, "reviews when phase == response-body")
    broken(at, "reviews when ~m PUT", lease=2.0)
    known = {
        "request": request(end=False, **{":method": "PUT"}),
        "body": request_body(b"x"),
        "response": response(),
        "end": response_body(b"y"),
        "junk": b"\xff\xff\xff",
    }
    opened(at)
    closed = 0
    for now, event in enumerate(given_events):
        commands = at.tick(now) if event == "tick" else at.receive("s", known[event], now)
        closed += closes(commands)
    at.lost("s", 100.0)
    assert closed <= 1
    assert at.holds == ()
    assert at.receive("s", known["request"], 100.0) == []
