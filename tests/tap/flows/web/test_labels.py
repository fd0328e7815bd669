"""What a mesh knows of an exchange, in mitmproxy's fields and its filter language."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from mitmproxy import flowfilter

from mesh_traffic import Body, Endpoint, Exchange, Headers, Response, Timing, replace
from tap.flows.web.holds import Standing
from tap.flows.web.labels import FAILED, flow_for
from tap.flows.web.updates import Updates
from tests.tap.exchanges import EXCHANGE, SAMPLE, sample


def test_both_sides_are_named_by_service() -> None:
    flow = flow_for(SAMPLE)
    assert flow.client_conn.peername == ("productpage v1 at 127.0.0.1", 40000)
    assert flow.server_conn.address == ("reviews v2 at 127.0.0.1", 9081)
    assert (flow.request.pretty_url, flow.id) == ("http://reviews:9080/reviews/1?full=1", "9f3e")


def test_a_client_outside_of_the_mesh_is_named_by_where_it_came_in() -> None:
    flow = flow_for(sample(direction="ingress", source=Endpoint(address="[::1]:5")))
    assert flow.client_conn.peername == ("ingress at [::1]", 5)
    nobody = flow_for(sample(direction="", source=Endpoint(), destination=Endpoint()))
    assert nobody.client_conn.peername == nobody.server_conn.address == ("?", 0)


def test_the_comment_says_route_cluster_flags_in_words_tries_and_what_is_missing() -> None:
    assert flow_for(sample(details="overflow", node="n")).comment == (
        "productpage v1 → reviews v2; UO circuit breaker open; URX gave up after the last try;"
        " overflow; 3 tries; route reviews-route; cluster reviews-v2; node n;"
        " response body cut off: 8 of 4,096 bytes were kept"
    )


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("~src productpage", True),
        ('~dst "reviews v2"', True),
        ("~dst ratings", False),
        ('~comment "circuit breaker"', True),
        ("~marked", True),
        ("~c 503 & ~m POST", True),
        ("~b overflow", True),
    ],
)
def test_mitmproxys_filters_find_it(expression: str, matches: bool) -> None:
    assert bool(flowfilter.parse(expression)(flow_for(SAMPLE))) is matches


def test_failures_are_marked_and_nothing_else() -> None:
    fine = sample(flags=(), response=Response(404))
    assert flow_for(fine).marked == ""
    broken = (replace(fine, response=Response(500)), replace(fine, flags=("UF",)))
    assert {flow_for(one).marked for one in (*broken, replace(fine, response=None))} == {FAILED}


def test_no_response_is_an_error_with_its_reason() -> None:
    error = flow_for(sample(response=None, flags=("DC",))).error
    assert error is not None
    assert error.msg == "no response; DC client disconnected"


def test_one_that_is_held_is_intercepted_and_its_standing_comes_first() -> None:
    waits = sample(response=None, flags=())
    held = flow_for(waits, Standing("held 9f3e", "request", refused="no way"))
    assert (held.intercepted, held.error, held.marked) == (True, None, "")
    assert held.comment.startswith("refused: no way; held 9f3e; productpage v1 → reviews v2")
    gone = flow_for(waits, Standing("continued"))
    assert (gone.intercepted, gone.error, gone.marked) == (False, None, "")
    over = flow_for(waits, Standing("ended: its client has gone", over=True))
    assert over.error is not None
    assert (over.error.msg, over.marked) == ("ended: its client has gone", FAILED)


def test_the_times_are_those_of_the_last_try() -> None:
    flow = flow_for(sample(started=100.0, timing=Timing(1.0, 2.0, 3.0, 4.0)))
    assert flow.response is not None
    assert flow.request.timestamp_start == 100
    assert flow.request.timestamp_end == 101
    assert flow.server_conn.timestamp_start == 102
    assert (flow.response.timestamp_start, flow.response.timestamp_end) == (103, 104)


def test_a_filter_on_bodies_expands_no_bomb() -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 200_000_000, 1), 9)
    headers = Headers.of({"content-encoding": "gzip, gzip"})
    flow = flow_for(sample(response=Response(200, headers, Body(bomb))))
    assert flow.response is not None
    assert len(flow.response.content or b"") == 1024 * 1024
    assert not flowfilter.parse("~b something")(flow)


@pytest.mark.parametrize("coding", ["bz2", "zlib", "hex", "rot13", "utf-8", "unicode_escape"])
def test_codecs_of_python_are_no_content_codings(coding: str) -> None:
    headers = Headers.of({"content-encoding": coding})
    flow = flow_for(sample(response=Response(200, headers, Body(b"6162"))))
    assert flow.response is not None
    assert flow.response.content == b"6162"


@given(EXCHANGE)
def test_any_exchange_is_a_flow_that_can_be_sent_to_a_browser(exchange: Exchange) -> None:
    from mitmproxy.tools.web.app import flow_to_json

    Updates._json_dumps(flow_to_json(flow_for(exchange))).decode("ascii")
