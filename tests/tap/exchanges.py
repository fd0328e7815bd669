"""Exchanges for tests: one that is like real ones, and any that could be."""

from __future__ import annotations

from hypothesis import strategies as st

from mesh_traffic import (
    Body,
    Endpoint,
    Exchange,
    Headers,
    Request,
    Response,
    Timing,
    Trace,
    replace,
)

SAMPLE = Exchange(
    id="9f3e",
    node="productpage-v1",
    request=Request(
        "POST",
        "/reviews/1?full=1",
        "reviews:9080",
        headers=Headers.of(
            (("User-Agent", "curl/8"), ("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2"))
        ),
        body=Body(b"five stars", False, 10),
    ),
    response=Response(503, Headers.of({"retry-after": "1"}), Body(b"overflow", True, 4096)),
    request_id="8c5d2d6e-1b5a-4f0b-9d0e-54f5d6a3c001",
    direction="outbound",
    source=Endpoint("productpage", "v1", "127.0.0.1:40000"),
    destination=Endpoint("reviews", "v2", "127.0.0.1:9081"),
    started=1_767_323_045.25,
    duration=0.012,
    route="reviews-route",
    cluster="reviews-v2",
    flags=("UO", "URX"),
    attempts=3,
    details="overflow",
    upstream_local="127.0.0.1:50000",
    timing=Timing(0.0001, 0.002, 0.011, 0.012),
    sources=("tap", "access log"),
)


def sample(**changes: object) -> Exchange:
    return replace(SAMPLE, **changes)  # type: ignore[arg-type]


# What a capture can hold: bytes that are no UTF-8 as half surrogates, zeros, nothing at all.
TEXT = st.sampled_from(("", "a", "reviews", "v2", "UO", "503", "\udc80\0x", "ü")) | st.text(
    st.characters(exclude_categories=()), max_size=8
)
SMALL = st.integers(0, 700) | st.none()
BODY = st.builds(
    Body, st.sampled_from((b"", b"a", b"\0\xff")) | st.binary(max_size=20), st.booleans(), SMALL
)
HEADERS = st.lists(st.tuples(TEXT, TEXT), max_size=3).map(lambda fields: Headers(tuple(fields)))
FLAGS = st.lists(st.sampled_from(("UO", "URX", "NR", "??")), max_size=2).map(tuple)
ENDPOINT = st.builds(Endpoint, TEXT, TEXT, TEXT)
SECONDS = st.sampled_from((0.0, 0.012, 0.1, 1.0)) | st.floats(0, 1e10)
EXCHANGE = st.builds(
    Exchange,
    id=TEXT,
    node=TEXT,
    request=st.builds(Request, TEXT, TEXT, TEXT, TEXT, HEADERS, BODY, HEADERS),
    response=st.none()
    | st.builds(Response, st.sampled_from((0, 200, 404, 503, 10**30)), HEADERS, BODY, HEADERS),
    request_id=TEXT,
    direction=TEXT,
    source=ENDPOINT,
    destination=ENDPOINT,
    started=SECONDS,
    duration=st.none() | SECONDS,
    route=TEXT,
    cluster=TEXT,
    flags=FLAGS,
    attempts=st.integers(0, 9),
    details=TEXT,
    upstream_local=TEXT,
    timing=st.builds(Timing, *[st.none() | SECONDS] * 4),
    trace=st.sampled_from(
        (
            Trace(),
            Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"),
            Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"),
        )
    ),
    sources=st.lists(st.sampled_from(("tap", "access log")), unique=True).map(tuple),
)
