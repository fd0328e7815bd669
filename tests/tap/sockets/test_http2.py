"""HTTP/2 by somebody who looks on, at what the h2 library says on either side."""

from __future__ import annotations

from contextlib import suppress

import h2.config
import h2.connection
import pytest
from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame, PingFrame
from hypothesis import example, given
from hypothesis import strategies as st

from tap.sockets.http2 import MAX_FRAME, PREFACE, Http2
from tap.sockets.spoken import MAX_HEAD, MAX_WAITING, Broken, OutOfStep
from tests.tap.sockets.speaking import heard

ASKED = [(":method", "POST"), (":path", "/a"), (":authority", "reviews"), (":scheme", "https")]
ANSWER = [(":status", "200"), ("grpc-encoding", "identity")]


class Talk:
    """A client and a server, and what they said in its order."""

    def __init__(self) -> None:
        made = [h2.config.H2Configuration(client_side=side) for side in (True, False)]
        self.client, self.server = map(h2.connection.H2Connection, made)
        self.said: list[tuple[str, bytes]] = []
        self.client.initiate_connection()
        self.server.initiate_connection()
        self.pass_on()

    def pass_on(self) -> None:
        for side, one, other in ((">", self.client, self.server), ("<", self.server, self.client)):
            if data := one.data_to_send():
                self.said.append((side, data))
                other.receive_data(data)

    def ask(self, number: int, body: bytes = b"", ends: bool = True) -> None:
        self.client.send_headers(number, ASKED, end_stream=ends and not body)
        if body:
            self.client.send_data(number, body, end_stream=ends)
        self.pass_on()

    def answer(self, number: int, body: bytes) -> None:
        self.server.send_headers(number, ANSWER)
        self.server.send_data(number, body)
        self.server.send_headers(number, [("grpc-status", "0")], end_stream=True)
        self.pass_on()


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_streams_that_interleave_are_told_apart_however_the_bytes_are_cut(size: int) -> None:
    talk = Talk()
    talk.ask(1, b"one ", ends=False)
    talk.ask(3, b"three")
    talk.answer(3, b"to three")
    talk.client.send_data(1, b"and more", end_stream=True)
    talk.pass_on()
    talk.answer(1, b"to one")
    found = heard(Http2(100), talk.said, size)
    assert [(bytes(one.request.data), bytes(one.response.data)) for one in found] == [  # type: ignore[union-attr] # both are there
        (b"three", b"to three"),
        (b"one and more", b"to one"),
    ]
    one = found[0]
    assert one.request is not None
    assert one.response is not None
    assert one.request.fields.fields == tuple(ASKED)
    assert one.response.fields.get("grpc-encoding") == "identity"
    assert one.response.trailers.get("grpc-status") == "0"


def test_a_reset_says_by_whom_and_why() -> None:
    talk = Talk()
    talk.ask(1, b"x", ends=False)
    talk.client.reset_stream(1, 8)
    talk.ask(3, b"x", ends=False)
    talk.server.reset_stream(3, 7)
    talk.pass_on()
    found = heard(Http2(100), talk.said)
    assert [one.details for one in found] == [
        "reset by the client: CANCEL",
        "reset by the server: REFUSED_STREAM",
    ]


def test_a_response_before_the_end_of_the_request_and_a_polite_reset_are_an_exchange() -> None:
    talk = Talk()
    talk.ask(1, b"x", ends=False)
    talk.answer(1, b"enough")
    talk.server.reset_stream(1, 0)
    talk.pass_on()
    (found,) = heard(Http2(100), talk.said)
    assert (found.details, found.response and bytes(found.response.data)) == ("", b"enough")


def test_informational_responses_are_passed_over() -> None:
    talk = Talk()
    talk.ask(1, b"x")
    talk.server.send_headers(1, [(":status", "103"), ("link", "</a>")])
    talk.answer(1, b"y")
    (found,) = heard(Http2(100), talk.said)
    assert found.response is not None
    assert found.response.fields.get(":status") == "200"


def test_a_pushed_response_has_its_promised_request() -> None:
    talk = Talk()
    talk.ask(1, b"x")
    talk.server.push_stream(1, 2, [(":method", "GET"), *ASKED[1:]])
    talk.answer(2, b"pushed")
    (found,) = heard(Http2(100), talk.said)
    assert found.request is not None
    assert found.request.fields.get(":method") == "GET"


def test_what_never_ended_comes_at_the_close_as_far_as_it_came() -> None:
    talk, speech = Talk(), Http2(100)
    talk.ask(1, b"x", ends=False)
    assert heard(speech, talk.said) == []
    (left,) = speech.close(3.0, "closed")
    assert (left.response, left.details) == (None, "closed")


def test_bytes_that_are_missing_inside_a_data_frame_are_no_harm() -> None:
    talk, speech = Talk(), Http2(100)
    talk.ask(1, b"x" * 1000)
    *before, (side, data) = talk.said
    assert heard(speech, [*before, (side, data[:-500])]) == []
    assert speech.miss(True, 500, 1.0) == []
    talk.said.clear()
    talk.answer(1, b"y")
    (found,) = heard(speech, talk.said)
    assert found.request is not None
    body = found.request.body()
    assert (body.truncated, body.size) == (True, 1000)


def test_anywhere_else_they_are() -> None:
    talk, speech = Talk(), Http2(100)
    talk.ask(1)
    heard(speech, talk.said)
    with pytest.raises(OutOfStep):
        speech.miss(True, 500, 1.0)


def test_open_streams_are_bounded_and_the_oldest_goes_and_is_counted() -> None:
    speech = Http2(10)
    frames = b"".join(
        HeadersFrame(number, b"\x83\x84", flags=["END_HEADERS"]).serialize()
        for number in range(1, 2 * MAX_WAITING + 5, 2)
    )
    found = heard(speech, [(">", PREFACE + frames)])
    assert (len(found), speech.lost) == (2, 2)


def bomb() -> bytes:
    """A field of 4,000 bytes that is put into the table once, and asked for again and again."""
    field = b"\x40\x01a\x7f\xa1\x1e" + b"x" * 4000
    return HeadersFrame(1, field + b"\xbe" * 12_000, flags=["END_HEADERS"]).serialize()


@pytest.mark.parametrize(
    "data",
    [
        bomb(),
        HeadersFrame(1, b"x").serialize() + ContinuationFrame(1, b"x" * MAX_HEAD).serialize(),
        HeadersFrame(1, b"x").serialize() + PingFrame(0).serialize(),
        (MAX_FRAME + 1).to_bytes(3) + bytes(6),
        HeadersFrame(1, b"\xff" * 50, flags=["END_HEADERS"]).serialize(),
        HeadersFrame(1, b"\x3f\xff\xff\xff\x7f", flags=["END_HEADERS"]).serialize(),
    ],
    ids=["table", "block", "interrupted", "frame", "index", "table size"],
)
def test_hostile_frames_are_broken(data: bytes) -> None:
    with pytest.raises(Broken):
        heard(Http2(10), [(">", PREFACE + data)])


@given(st.lists(st.tuples(st.sampled_from("<>"), st.binary(max_size=60)), max_size=6))
@example([(">", Frame.serialize(PingFrame(0, b"12345678"))), ("<", bytes(9))])
def test_any_bytes_are_http_or_broken(talk: list[tuple[str, bytes]]) -> None:
    speech = Http2(10)
    with suppress(Broken):
        heard(speech, [(">", PREFACE), *talk])
    speech.close(1.0, "closed")
