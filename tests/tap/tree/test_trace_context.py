"""Who sent a request, by the headers of W3C and of B3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_patterns.compile.access_log import CONTEXT
from mesh_traffic import Exchange, Headers, Request, Trace
from tap.tree.trace_context import HEADERS, NONE, carried, context

ID, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FOUND = Trace(ID, "", SPAN)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"traceparent": f"00-{ID}-{SPAN}-01"}, FOUND),
        ({"traceparent": f"cc-{ID}-{SPAN}-01-what-the-future-will-be-like"}, FOUND),
        ({"b3": f"{ID}-{SPAN}-1-05e3ac9a4f6e3b90"}, FOUND),
        ({"b3": f"{ID}-{SPAN}"}, FOUND),
        ({"b3": f"{ID[16:]}-{SPAN}-d"}, Trace(f"{ID[16:]:0>32}", "", SPAN)),
        ({"x-b3-traceid": ID.upper(), "x-b3-spanid": SPAN}, FOUND),
        ({"b3": f"{SPAN}-{SPAN}", "traceparent": f"00-{ID}-{SPAN}-00"}, FOUND),
        ({"traceparent": f"ff-{ID}-{SPAN}-01"}, NONE),
        ({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, NONE),
        ({"traceparent": f"00-{ID}-{'0' * 16}-01"}, NONE),
        ({"traceparent": f"00-{ID}-{SPAN}"}, NONE),
        ({"b3": "0"}, NONE),
        ({"x-b3-traceid": ID}, NONE),
        ({}, NONE),
    ],
)
def test_a_context_is_that_of_the_header(fields: dict[str, str], found: Trace) -> None:
    assert carried(Headers.of(fields)) == found


def test_what_a_tracer_told_comes_before_what_a_header_tells() -> None:
    headers = Headers.of({"traceparent": f"00-{ID}-{SPAN}-01"})
    captured = Exchange("1", "web", Request(headers=headers))
    assert context(captured) == FOUND
    told = Trace("1" * 32, "2" * 16)
    assert context(Exchange("1", "web", Request(headers=headers), trace=told)) == told


@given(st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=60)))
def test_any_text_is_a_context_or_none(fields: dict[str, str]) -> None:
    found = carried(Headers.of(fields))
    assert found == NONE or (len(found.trace_id), len(found.parent_span_id)) == (32, 16)


def test_what_is_read_is_what_our_envoys_log() -> None:
    assert HEADERS == CONTEXT
