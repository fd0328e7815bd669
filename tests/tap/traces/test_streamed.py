"""Segments in, traces out: when is a streamed trace over?"""

from __future__ import annotations

import pytest

from mesh_traffic import Body, Headers
from tap.traces import streamed
from tap.traces.decode import BufferedTrace, Piece, Segment
from tap.traces.streamed import Streams

ASKED = Headers.of({":method": "GET", ":path": "/"})
LENGTH_5 = Headers.of({":status": "200", "content-length": "5"})
CHUNKED = Headers.of({":status": "200"})


def play(streams: Streams, *pieces: tuple[Piece, Headers | Body], key: str = "1") -> list[int]:
    """How many traces each piece completed; piece n arrives at second n."""
    segments = [Segment(key, piece, content) for piece, content in pieces]
    return [len(streams.receive(one, now=at)) for at, one in enumerate(segments)]


def test_a_response_is_over_when_its_length_is_reached() -> None:
    assert play(
        Streams(),
        ("request_headers", ASKED),
        ("response_headers", LENGTH_5),
        ("response_body_chunk", Body(b"abc")),
        ("response_body_chunk", Body(b"de")),
        ("response_body_chunk", Body(b"more than said")),
    ) == [0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("asked", "last"),
    [
        (ASKED, ("response_body_chunk", Body(b"a", truncated=True))),
        (ASKED, ("response_trailers", Headers.of({"grpc-status": "0"}))),
        (ASKED, ("response_headers", Headers.of({":status": "204"}))),
        (ASKED, ("response_headers", Headers.of({":status": "200", "content-length": "0"}))),
        (Headers.of({":method": "HEAD"}), ("response_headers", LENGTH_5)),
    ],
    ids=["truncated", "trailers", "no content", "empty", "HEAD"],
)
def test_a_response_is_over_when_no_more_of_it_can_come(
    asked: Headers, last: tuple[Piece, Headers | Body]
) -> None:
    before: list[tuple[Piece, Headers | Body]] = [("request_headers", asked)]
    if last[0] != "response_headers":
        before.append(("response_headers", CHUNKED))
    assert play(Streams(), *before, last)[-1] == 1


def test_a_response_without_length_is_over_after_half_a_second_of_silence() -> None:
    streams = Streams()
    play(
        streams,
        ("request_headers", ASKED),
        ("response_headers", CHUNKED),
        ("response_body_chunk", Body(b"ab")),
    )
    assert streams.tick(now=2.5) == []
    (trace,) = streams.tick(now=2.6)
    assert trace.request is not None
    assert trace.response is not None
    assert (trace.request.time, trace.response.time) == (0, 1)
    assert trace.response.body == Body(b"ab", size=2)


def test_a_request_without_response_is_given_up_after_a_minute() -> None:
    streams = Streams()
    play(streams, ("request_headers", ASKED))
    assert streams.tick(now=60.0) == []
    (trace,) = streams.tick(now=60.1)
    assert trace.response is None


def test_the_oldest_pending_trace_is_given_out_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streamed, "MAX_PENDING", 2)
    streams = Streams()
    assert play(streams, ("request_headers", Headers.of({":path": "/1"})), key="1") == [0]
    assert play(streams, ("request_headers", ASKED), key="2") == [0]
    (early,) = streams.receive(Segment("3", "request_headers", ASKED), now=9)
    assert early == BufferedTrace(early.request, None)
    assert early.request is not None
    assert early.request.fields.get(":path") == "/1"
    assert streams.evicted == 1
    # its late response is not an exchange of its own
    assert play(
        streams, ("response_headers", LENGTH_5), ("response_body_chunk", Body(b"abcde"))
    ) == [0, 0]


def test_what_is_left_is_given_out_as_it_is_when_the_source_is_gone() -> None:
    streams = Streams()
    play(streams, ("request_headers", ASKED), ("request_body_chunk", Body(b"ab")))
    (trace,) = streams.flush()
    assert trace.request is not None
    assert (trace.request.body.data, trace.response) == (b"ab", None)
    assert streams.flush() == []


def test_an_answer_to_bytes_that_were_no_request_is_a_trace_of_its_own() -> None:
    answer = Headers.of({":status": "400", "content-length": "0"})
    (trace,) = Streams().receive(Segment("1", "response_headers", answer), now=0)
    assert trace.request is None


def test_a_body_is_cut_off_at_its_limit_and_then_its_trace_is_over() -> None:
    streams = Streams()
    chunk: tuple[Piece, Headers | Body] = ("response_body_chunk", Body(b"x" * streamed.MAX_BODY))
    pieces = (("request_headers", ASKED), ("response_headers", CHUNKED))
    assert play(streams, *pieces, chunk) == [0, 0, 0]
    (trace,) = streams.receive(Segment("1", "response_body_chunk", Body(b"x")), 4)
    assert trace.response is not None
    assert trace.response.body.truncated
    assert len(trace.response.body.data) == streamed.MAX_BODY


def test_the_oldest_is_given_out_when_bodies_are_too_big_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streamed, "MAX_HELD", 10)
    streams = Streams()
    for key in "abc":
        play(streams, ("request_headers", ASKED), key=key)
    assert streams.receive(Segment("b", "request_body_chunk", Body(b"x" * 8)), 1) == []
    given = streams.receive(Segment("c", "request_body_chunk", Body(b"x" * 8)), 2)
    assert [trace.request.body.data for trace in given if trace.request] == [b"", b"x" * 8]
    assert (streams.evicted, len(streams)) == (2, 1)
    assert streams.receive(Segment("c", "request_body_chunk", Body(b"xx")), 3) == []
