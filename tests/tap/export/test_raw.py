"""HTTP/1.1 messages: read again by the standard library's and h11's parsers."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.export import raw
from tests.tap.exchanges import EXCHANGE, SAMPLE, sample


def test_the_messages_as_text() -> None:
    assert b"".join(raw.write([SAMPLE])).decode() == (
        "POST /reviews/1?full=1 HTTP/1.1\r\n"
        "host: reviews:9080\r\n"
        "User-Agent: curl/8\r\n"
        "content-type: text/plain\r\n"
        "x-a: 1\r\n"
        "x-a: 2\r\n"
        "content-length: 10\r\n"
        "\r\n"
        "five stars"
        "HTTP/1.1 503 Service Unavailable\r\n"
        "retry-after: 1\r\n"
        "x-meshloom-body: cut off: 8 of 4,096 bytes were kept\r\n"
        "content-length: 8\r\n"
        "\r\n"
        "overflow"
    )


def parsed(exchange: Exchange) -> list[h11.Event]:
    """What a server and a client see of it."""
    assert exchange.response is not None
    server, client = h11.Connection(h11.SERVER), h11.Connection(h11.CLIENT)
    server.receive_data(raw.request(exchange.request))
    events = [server.next_event()]
    request = events[0]
    assert isinstance(request, h11.Request)
    while not isinstance(events[-1], h11.EndOfMessage):
        events.append(server.next_event())
    client.send(request)
    client.receive_data(raw.response(exchange.response, exchange.request.method))
    client.receive_data(b"")
    while not isinstance(events[-1], h11.EndOfMessage) or len(events) < 3:
        events.append(client.next_event())
    events.append(client.next_event())
    while not isinstance(events[-1], h11.EndOfMessage):
        events.append(client.next_event())
    return events


@pytest.mark.parametrize(
    "response",
    [
        Response(200, Headers.of({"transfer-encoding": "chunked"}), Body(b"ok")),
        Response(200, Headers.of({"grpc": "1"}), Body(b"ok"), Headers.of({"grpc-status": "0"})),
        Response(204),
        Response(304, Headers.of({"content-length": "99"})),
    ],
)
def test_a_parser_finds_each_message_whole(response: Response) -> None:
    request = Request("POST", "/a", "a", body=Body(b"body"), trailers=Headers.of({"x-t": "1"}))
    events = parsed(sample(request=request, response=response))
    data = [bytes(event.data) for event in events if isinstance(event, h11.Data)]
    assert data == [b"body", *([response.body.data] if response.body else [])]
    ends = [event for event in events if isinstance(event, h11.EndOfMessage)]
    assert [list(end.headers) for end in ends] == [
        [(b"x-t", b"1")],
        [(b"grpc-status", b"0")] if response.trailers else [],
    ]


def test_the_answer_to_head_keeps_the_length_that_it_speaks_of() -> None:
    response = Response(200, Headers.of({"content-length": "99"}))
    assert b"content-length: 99\r\n\r\n" in raw.response(response, "HEAD")
    assert b"content-length: 0\r\n\r\n" in raw.response(response, "GET")


@settings(max_examples=30)
@given(EXCHANGE)
def test_no_value_makes_a_line_of_its_own(exchange: Exchange) -> None:
    head, _, _ = raw.request(exchange.request).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0].count(b" ") == 2
    assert all(b":" in line for line in lines[1:])


def test_a_hostile_field_is_left_out() -> None:
    fields = (("x", "1\r\nx-injected: 2"), ("a b", "1"), ("x-injected:", "2"), ("ok", "1"))
    told = raw.request(
        Request("GET\r\nx", "/ HTTP/1.1\r\nx-injected: 1", "a", headers=Headers(fields))
    )
    assert told == b"? / HTTP/1.1\r\nhost: a\r\nok: 1\r\n\r\n"
