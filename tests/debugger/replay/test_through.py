"""Captures through a real filter under wasmtime."""

from __future__ import annotations

import json

from debugger.replay.request.edit import Edit
from debugger.replay.through import after, arriving, through
from mesh_traffic import Exchange, Headers
from tap.compare import Rules, compare
from tests.debugger.replay.captures import GET, having
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome

CONFIG = {
    "request": {"remove": ["x-plan"]},
    "response": {"set": {"x-filter": "yes"}},
    "deny": [{"path": "/admin", "body": "no\n"}],
}


def passed(exchange: Exchange, edit: Edit) -> Outcome:
    assert exchange.response is not None
    filter_ = Filter.load("meshloom:header_policy", json.dumps(CONFIG).encode())
    return through(filter_, arriving(exchange, edit), exchange.response)


def test_a_filter_gets_what_it_got_with_all_that_envoy_adds() -> None:
    request = arriving(GET, Edit({"x-new": "1"}))
    assert request.headers.get("x-forwarded-proto") == "http"
    assert request.headers.get("x-request-id") == GET.request_id
    assert request.headers.get("x-new") == "1"
    shouted = having(("X-Plan", "Free"))
    assert arriving(shouted, Edit()).headers == Headers((("x-plan", "Free"),))


def test_a_new_body_has_its_length() -> None:
    long = having(("content-length", "9"), body=b"x" * 9)
    assert arriving(long, Edit()).headers.get("content-length") == "9"
    assert arriving(long, Edit(body=b"yz")).headers.get("content-length") == "2"
    assert "content-length" not in arriving(long, Edit(body=b"")).headers


def test_the_captured_response_answers_behind_it() -> None:
    outcome = passed(GET, Edit())
    assert outcome.request is not None
    assert "x-plan" not in outcome.request.headers
    came = after(GET, arriving(GET, Edit()), outcome)
    (difference,) = compare(GET, came, Rules.of()).differences
    assert (difference.place, difference.after) == ("header x-filter", "yes")


def test_a_filter_may_answer_itself() -> None:
    outcome = passed(GET, Edit(path="/admin"))
    assert (outcome.local_reply, outcome.status, outcome.request) == (True, 403, None)
