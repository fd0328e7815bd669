"""Two views side by side."""

from __future__ import annotations

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.differ.compare import Difference, compare
from mini_mesh.differ.view import MAX_SHOWN, Ending, View, parts, shown_bytes
from mini_mesh.filter_rig.log import Crossing

CALLS = [
    Crossing("proxy_on_context_create", (2, 1), returned=True),
    Crossing("proxy_on_request_headers", (2, 7, 1), result=0, returned=True),
    Crossing("proxy_get_header_map_value", (0, 64, 3, 8, 12), "proxy_on_request_headers", 1, True),
    Crossing("proxy_on_log", (2,)),
]
VIEW = View(
    Ending.ANSWERED,
    Response(200, Headers((("x-a", "1"), ("X-a", "2"), ("b", ""))), Body(b"ok\n")),
    [Request("GET", "/", "test", headers=Headers((("c", "é"),)))],
    {"auth": [Request("POST", "/who", "auth", trailers=Headers((("t", "1"),)))]},
    [("info", "said")],
    CALLS,
)


def test_a_view_is_told_part_by_part() -> None:
    assert parts(VIEW) == {
        "client": "answered",
        "status": "200",
        "response header x-a": "'1' | '2'",
        "response header b": "''",
        "response header order": "x-a x-a b",
        "response body": "'ok\\n'",
        "upstream requests": "1",
        "upstream method": "GET",
        "upstream path": "/",
        "upstream authority": "test",
        "upstream header c": "'é'",
        "upstream header order": "c",
        "upstream body": "''",
        "callouts to auth": "1",
        "callout 1 to auth method": "POST",
        "callout 1 to auth path": "/who",
        "callout 1 to auth authority": "auth",
        "callout 1 to auth header order": "",
        "callout 1 to auth body": "''",
        "callout 1 to auth trailer t": "'1'",
        "log 1": "info: said",
        "call 1": "proxy_on_context_create",
        "call 2": "proxy_on_request_headers(7, 1): 0",
        "call 3": "proxy_get_header_map_value in proxy_on_request_headers: 1",
        "call 4": "proxy_on_log(): did not return",
    }


def test_what_only_one_side_has_is_a_difference() -> None:
    found = compare({"status": "200", "log 1": "a"}, {"status": "200", "response body": "'x'"})
    assert found == [Difference("log 1", "a", None), Difference("response body", None, "'x'")]


def test_of_a_sequence_only_the_first_departure_is_told() -> None:
    here = {"call 1": "a", "call 2": "b", "call 3": "c", "log 1": "x"}
    envoy = {"call 1": "a", "call 2": "B", "call 3": "C", "log 1": "y"}
    assert [each.place for each in compare(here, envoy)] == ["call 2", "log 1"]


def test_order_is_compared_of_the_names_that_both_have() -> None:
    order = "response header order"
    assert compare({order: "a b c"}, {order: "a date b c"}) == []
    assert compare({order: "a b c"}, {order: "c a b"}) == [Difference(order, "a b c", "c a b")]


def test_a_long_body_counts_as_a_whole() -> None:
    one, other = bytes(5000), bytes(4999) + b"\1"
    assert len(shown_bytes(one)) < MAX_SHOWN + 50
    assert "5,000 bytes" in shown_bytes(one)
    assert shown_bytes(one) != shown_bytes(other)
