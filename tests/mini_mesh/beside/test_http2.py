"""The server's side of HTTP/2: against h2 as the client, whole, in pieces, and with junk."""

from __future__ import annotations

import struct

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived
from hypothesis import given
from hypothesis import strategies as st

from mini_mesh.beside.http2 import MAX_HEAD, MAX_MESSAGE, MAX_STREAMS, PREFACE, Call, Session

HEAD = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/p.S/M"),
    (":authority", "x"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
]
Fields = list[tuple[str, str]]


class Client:
    """h2, which insists on the protocol."""

    def __init__(self, size: int = 10**6) -> None:
        self.session, self.size = Session(), size
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.calls: list[Call] = []
        self.said: dict[int, tuple[bytes, Fields]] = {}
        self.reset: list[int] = []

    def exchange(self) -> None:
        """Until neither has anything to say."""
        while True:
            ours, theirs = self.h2.data_to_send(), self.session.data_to_send()
            if not ours and not theirs:
                return
            for i in range(0, len(ours), self.size):
                self.calls += self.session.receive(ours[i : i + self.size])
            for event in self.h2.receive_data(theirs):
                self.hear(event)

    def hear(self, event: object) -> None:
        if isinstance(event, ResponseReceived):
            self.said[event.stream_id or 0] = (b"", [])
        elif isinstance(event, DataReceived):
            body, fields = self.said[event.stream_id or 0]
            self.said[event.stream_id or 0] = (body + (event.data or b""), fields)
            self.h2.acknowledge_received_data(
                event.flow_controlled_length or 0, event.stream_id or 0
            )
        elif isinstance(event, TrailersReceived):
            body, _ = self.said[event.stream_id or 0]
            fields = [(str(name), str(value)) for name, value in event.headers or ()]
            self.said[event.stream_id or 0] = (body, fields)
        elif isinstance(event, StreamReset):
            self.reset.append(event.stream_id or 0)
        assert event is not StreamEnded

    def ask(self, message: bytes, head: Fields = HEAD) -> int:
        number = self.h2.get_next_available_stream_id()
        self.h2.send_headers(number, head)
        self.h2.send_data(number, framed(message), end_stream=True)
        self.exchange()
        return number


def framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4) + message


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_a_call_comes_whole_however_it_is_cut(size: int) -> None:
    client = Client(size)
    for text in (b"", b"one", b"two" * 1000):
        number = client.ask(text)
        assert client.calls[-1] == Call(number, "/p.S/M", text)
        client.session.answer(number, text[::-1])
        client.exchange()
        assert client.said[number] == (framed(text[::-1]), [("grpc-status", "0")])


def test_a_head_that_is_only_indexes_means_what_the_table_says_now() -> None:
    client = Client()
    other = [("x-more", "1"), *HEAD]
    for path in ("/a.A/A", "/b.B/B", "/a.A/A", "/b.B/B"):
        for head in (HEAD, other):
            named = [(name, path if name == ":path" else value) for name, value in head]
            client.ask(b"", sorted(named))
            assert client.calls[-1].path == path


def test_a_failure_is_told_in_the_trailers() -> None:
    client = Client()
    number = client.ask(b"")
    client.session.fail(number, 12, "no method é")
    client.exchange()
    fields = [("grpc-status", "12"), ("grpc-message", "no method %C3%A9")]
    assert client.said[number] == (b"", fields)


def test_an_answer_waits_for_the_client_s_window() -> None:
    client = Client()
    client.h2.update_settings({4: 10})  # INITIAL_WINDOW_SIZE
    client.exchange()
    number = client.h2.get_next_available_stream_id()
    client.h2.send_headers(number, HEAD)
    client.h2.send_data(number, framed(b""), end_stream=True)
    client.exchange()
    client.session.answer(number, b"x" * 100)
    client.exchange()
    assert client.said[number] == (framed(b"x" * 100), [("grpc-status", "0")])


def test_thousands_of_calls_never_run_out_of_window() -> None:
    client = Client()
    for _ in range(200):
        client.session.answer(client.ask(b"x" * 1000), b"y" * 1000)
        client.exchange()
    assert len(client.said) == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"\0\0\0\0\x02x", b"\x01\0\0\0\x01x", framed(b"x") * 2, framed(b"x" * (MAX_MESSAGE + 1))],
)
def test_what_is_no_message_is_reset_and_the_connection_goes_on(body: bytes) -> None:
    client = Client()
    client.exchange()
    number = client.h2.get_next_available_stream_id()
    client.h2.send_headers(number, HEAD)
    for i in range(0, len(body), 16_384):
        client.h2.send_data(number, body[i : i + 16_384])
        client.exchange()
        if client.reset:
            break
    if not client.reset:
        client.h2.end_stream(number)
        client.exchange()
    assert client.reset == [number]
    assert client.ask(b"fine")
    assert client.calls[-1].message == b"fine"


def test_one_stream_too_many_is_refused() -> None:
    client = Client()
    client.h2.remote_settings.max_concurrent_streams = MAX_STREAMS + 1
    for _ in range(MAX_STREAMS + 1):
        client.h2.send_headers(client.h2.get_next_available_stream_id(), HEAD)
    client.calls += client.session.receive(client.h2.data_to_send())
    assert client.session.data_to_send().endswith(struct.pack(">I", 7))  # REFUSED_STREAM


def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    client = Client()
    number = client.ask(b"")
    client.h2.reset_stream(number)
    client.exchange()
    client.session.answer(number, b"late")
    assert client.session.data_to_send() == b""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET / HTTP/1.1\r\n", 1),
        (PREFACE + (16_385).to_bytes(3) + bytes(6), 6),
        (PREFACE + frame(1, 4, 2, b"\x82"), 1),  # a server's stream
        (PREFACE + frame(9, 4, 1, b"\x82"), 1),  # CONTINUATION of nothing
        (PREFACE + frame(1, 0, 1, b"\x82") + frame(0, 0, 1, b""), 1),  # in the midst of a head
        (PREFACE + frame(1, 4, 1, b"\xff\xff\xff\xff\xff"), 9),
        (PREFACE + frame(1, 12, 1, b"\x09"), 1),  # more padding than there is
        (PREFACE + frame(4, 0, 0, b"\0\x04\xff\xff\xff\xff"), 3),
        (PREFACE + frame(4, 0, 0, b"\0"), 6),
        (PREFACE + frame(8, 0, 0, b"\0"), 6),
        (PREFACE + frame(8, 0, 0, b"\x7f\xff\xff\xff"), 3),
    ],
)
def test_who_breaks_the_protocol_is_told_and_left(sent: bytes, code: int) -> None:
    session = Session()
    session.data_to_send()
    assert session.receive(sent) == []
    assert session.closed
    assert session.data_to_send().endswith(struct.pack(">I", code))
    assert session.receive(PREFACE) == []


def test_a_head_without_end_is_not_collected() -> None:
    session = Session()
    session.receive(PREFACE + frame(1, 0, 1, b""))
    part = frame(9, 0, 1, b"\x82" * 8192)
    for _ in range(MAX_HEAD // 8192 + 1):
        session.receive(part)
    assert session.closed


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_are_calls_or_the_end(parts: list[bytes]) -> None:
    session = Session()
    session.receive(PREFACE)
    for part in parts:
        session.receive(part)
    session.data_to_send()


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 255), st.integers(0, 9), st.binary())))
def test_any_frames_are_calls_or_the_end(frames: list[tuple[int, int, int, bytes]]) -> None:
    session = Session()
    session.receive(PREFACE)
    for each in frames:
        for call in session.receive(frame(*each)):
            session.answer(call.stream, b"x")
    session.data_to_send()
