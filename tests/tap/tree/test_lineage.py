"""One request through five Envoys and two services that make spans is one tree."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Exchange, Headers, Request, Trace, replace
from tap.lines import tree
from tap.tree.hops import MAX_DEPTH, Hop, hops_of
from tests.tap.spans_and_hops import (
    ALL,
    API,
    API_IN,
    API_OUT,
    CALL,
    QUERY,
    WEB,
    WEB_IN,
    WORK,
    T,
    captured,
    span,
    span_id,
)

WAY = {
    "ingress": "", "web": "ingress", "call": "web", "api-out": "call", "api": "api-out",
    "query": "api", "db-out": "api",
}  # fmt: skip


def ways(hops: list[Hop]) -> dict[str, str]:
    """Each hop, and the one above it."""
    found = {hop.exchange.id: "" for hop in hops}
    for root in hops:
        for hop in root.walk():
            found |= {below.exchange.id: hop.exchange.id for below in hop.then}
    return found


def test_spans_stand_between_the_envoys_that_a_request_passed() -> None:
    assert ways(hops_of(ALL)) == WAY
    (root,) = hops_of(ALL)
    assert root.arrived == [WEB_IN]


@pytest.mark.parametrize("missing", [WORK, CALL, API_OUT, API, WEB])
def test_what_is_not_told_leaves_a_gap_and_no_tree_of_its_own(missing: Exchange) -> None:
    hops = hops_of([each for each in ALL if each is not missing])
    assert [hop.exchange.id for hop in hops] == ["ingress"]


def test_without_x_request_id_and_connections_the_trace_is_enough() -> None:
    bare = [
        replace(each, request_id="", upstream_local="", source=replace(each.source, address=""))
        for each in ALL
    ]
    assert ways(hops_of(bare)) == WAY


def test_of_envoys_that_pass_one_context_on_each_stands_below_the_one_before() -> None:
    first, second = (
        captured(f"{n}-out", "outbound", 10 + n / 10, 0.5, "call", a=a, b=b)
        for n, a, b in ((1, "web", "api"), (3, "api", "db"))
    )
    arrived = captured("in", "inbound", 10.2, 0.3, "call", b="api")
    asked = span("call", "client", 10.05, 0.6, a="web", b="api")
    assert ways(hops_of([asked, first, arrived, second])) == {
        "call": "", "1-out": "call", "3-out": "1-out",
    }  # fmt: skip


def test_an_envoys_own_span_gives_its_request_the_ids_and_is_no_hop() -> None:
    own = replace(
        API_OUT, id="own", sources=("otlp trace",),
        trace=Trace(T, span_id("own"), span_id("call"), "proxy"),
    )  # fmt: skip
    of_try = Exchange(
        "try", "x", Request("", "router api egress"), started=10.005,
        trace=Trace(T, span_id("try"), span_id("own"), "proxy"),
    )  # fmt: skip
    headers = Headers.of({"traceparent": f"00-{T}-{span_id('try')}-01"})
    sent = replace(API_OUT, request=replace(API_OUT.request, headers=headers))
    got = replace(API_IN, request=replace(API_IN.request, headers=headers))
    served = replace(API, trace=replace(API.trace, parent_span_id=span_id("try")))
    others = [each for each in ALL if each not in (API_OUT, API_IN, API)]
    assert ways(hops_of([*others, own, of_try, sent, got, served])) == WAY


def test_an_envoys_span_of_which_nothing_was_captured_is_a_hop() -> None:
    own = replace(API_OUT, node="gone", trace=Trace(T, span_id("own"), "", "proxy"))
    assert [hop.exchange for hop in hops_of([own])] == [own]


def test_a_step_has_no_status_and_says_when_it_failed() -> None:
    failed = replace(QUERY, details="error")
    assert list(tree(hops_of([API, failed, QUERY])))[1:] == [
        "├─ api → ?      SELECT things   failed   10 ms   span   id query",
        "└─ api → ?      SELECT things            10 ms   span   id query",
    ]


def ids(hops: list[Hop]) -> list[str]:
    views = (view for root in hops for hop in root.walk() for view in hop.views())
    return sorted(view.id for view in views)


def test_parents_in_a_circle_are_a_root_and_what_is_below_it() -> None:
    circle = [
        span(name, "client", 10, 1, parent, a="web", b="api")
        for name, parent in (("a", "c"), ("b", "a"), ("c", "b"), ("d", "d"))
    ]
    hops = hops_of(circle)
    assert ids(hops) == ["a", "b", "c", "d"]
    steps = [replace(each, request=Request("", "x")) for each in circle]
    inside = [replace(each, trace=replace(each.trace, kind="internal")) for each in steps]
    assert ids(hops_of([*inside, span("e", "client", 10, 1, "a", a="web", b="api")])) == ["e"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_chain_without_end_is_cut_where_it_is_too_deep(order: int) -> None:
    chain = [
        span(
            f"s{n}", "client", 10 + order * n / 1e3, 100, f"s{n - 1}" if n else "", a=f"a{n}", b="b"
        )
        for n in range(1_000)
    ]
    hops = hops_of(chain)
    assert len(ids(hops)) == 1_000
    assert len(list(tree(hops))) == 1_000
    depth, level = 0, hops
    while level:
        level, depth = [below for hop in level for below in hop.then], depth + 1
    assert depth <= MAX_DEPTH


def test_two_thousand_that_all_could_belong_to_each_other_take_no_minutes() -> None:
    alike = [
        replace(each, id=f"{n}", started=10 + n / 1e9)
        for n in range(500)
        for each in (API_OUT, API_IN, API, CALL)
    ]
    began = time.perf_counter()
    assert len(ids(hops_of(alike))) == 2_000
    assert time.perf_counter() - began < 10


def test_ten_thousand_steps_of_one_request_are_gone_through_quickly() -> None:
    steps = [span(f"{n}", "internal", 10, 1, f"{n - 1}", a="web", step="x") for n in range(10_000)]
    began = time.perf_counter()
    assert hops_of(steps) == []
    assert time.perf_counter() - began < 5


any_span = st.builds(
    replace,
    st.sampled_from(ALL),
    started=st.sampled_from((10.0, 10.001, 10.002)) | st.floats(9, 11),
    trace=st.builds(
        Trace,
        st.sampled_from((T, "")),
        st.sampled_from(("", "a", "b", "c")),
        st.sampled_from(("", "a", "b", "c")),
        st.sampled_from(("", "server", "client", "consumer", "proxy")),
    ),
)


@given(st.lists(any_span, max_size=12))
def test_whatever_ids_say_every_hop_is_in_the_forest_once(given_spans: list[Exchange]) -> None:
    numbered = [replace(each, id=str(n), node=str(n)) for n, each in enumerate(given_spans)]
    hidden = {one.id for one in numbered if one.trace.kind == "proxy" and not one.request.method}
    hidden |= {
        one.id for one in numbered if one.trace.kind == "internal" and not one.request.method
    }
    assert ids(hops_of(numbered)) == sorted({one.id for one in numbered} - hidden)
