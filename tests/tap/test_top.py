"""The table of routes: rates, failures, percentiles, and its bounds."""

from __future__ import annotations

import statistics

from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Endpoint, Exchange, Request, Response, replace
from tap.top import MAX_KEPT, MAX_ROWS, WINDOW, Top, lines, percentile

ONE = Exchange(
    "1", "n", Request(path="/reviews/1?x"), Response(200), source=Endpoint("page", "v1"),
    destination=Endpoint("reviews", "v2"), duration=0.010, route="reviews.1",
)  # fmt: skip
BAD = replace(ONE, response=Response(503), duration=0.001, flags=("UO",))


def test_a_row_has_rate_failures_and_percentiles_of_the_window() -> None:
    top = Top(now=0.0)
    for at in range(20):
        top.add(replace(ONE, duration=at / 1000), now=at / 2)
    for _ in range(5):
        top.add(BAD, now=9.9)
    (row,) = top.rows(now=10.0)
    assert (row.source, row.destination, row.route) == ("page v1", "reviews v2", "reviews.1")
    assert row.total == 25
    assert row.rate == 2.4  # the one of second 0 has left the window
    assert row.failed == 5 / 24
    assert row.p99 == 0.019
    assert row.flags == ("UO",)


def test_what_is_old_leaves_the_window_and_stays_in_the_total() -> None:
    top = Top(now=0.0)
    top.add(ONE, now=1.0)
    (row,) = top.rows(now=1.0 + WINDOW)
    assert (row.total, row.rate, row.failed, row.p50) == (1, 0.0, 0.0, None)
    assert lines([row])[0][2:6] == ("0.0", "–", "–", "–")


def test_the_busiest_route_is_first() -> None:
    top = Top(now=0.0)
    top.add(ONE, now=1.0)
    for _ in range(3):
        top.add(replace(ONE, route="reviews.0"), now=1.0)
    assert [row.route for row in top.rows(now=2.0)] == ["reviews.0", "reviews.1"]


def test_without_a_name_a_route_is_its_method_and_the_first_part_of_its_path() -> None:
    top = Top(now=0.0)
    top.add(replace(ONE, route=""), now=1.0)
    assert top.rows(now=2.0)[0].route == "GET /reviews"


def test_beyond_the_bound_new_routes_share_a_row_and_one_row_keeps_so_many() -> None:
    top = Top(now=0.0)
    for number in range(MAX_ROWS + 10):
        top.add(replace(ONE, route=str(number)), now=1.0)
    for _ in range(MAX_KEPT + 10):
        top.add(ONE, now=1.0)
    rows = top.rows(now=2.0)
    assert len(rows) == MAX_ROWS + 1
    assert rows[0].route == "(other routes)"
    assert rows[0].total == MAX_KEPT + 20
    assert rows[0].rate == MAX_KEPT / 2


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_the_median_is_a_value_that_half_do_not_exceed(values: list[float]) -> None:
    median = percentile(sorted(values), 0.5)
    assert median == statistics.median_low(values)
