"""HTTP/1.1 off the wire: what RFC 9112 says of framing, however the bytes are cut."""

from __future__ import annotations

import pytest

from mesh_traffic import Headers
from mini_mesh.filter_rig.wire import Message, Reader, WireError, body, cut, head

REQUESTS = (
    b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nX-Raw:\t \xc3\xa9\xff \r\n\r\nabc"
    b"POST / HTTP/1.1\r\nhost: y\r\ntransfer-encoding: Chunked\r\n\r\n"
    b"3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nx-t: 1\r\nx-u: 2\r\n\r\n"
    b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    b"GET / HTTP/1.1\r\nhost: z\r\n\r\n"
)
READ = [
    Message(
        "POST /a?b=c HTTP/1.1",
        Headers((("Host", "x"), ("Content-Length", "3"), ("X-Raw", "é\udcff"))),
        b"abc",
        whole=True,
    ),
    Message(
        "POST / HTTP/1.1",
        Headers((("host", "y"), ("transfer-encoding", "Chunked"))),
        b"abc0123456789",
        Headers((("x-t", "1"), ("x-u", "2"))),
        whole=True,
    ),
    Message("PUT / HTTP/1.1", Headers((("transfer-encoding", "chunked"),)), whole=True),
    Message("GET / HTTP/1.1", Headers((("host", "z"),)), whole=True),
]


@pytest.mark.parametrize("size", [1, 2, 7, 10**6])
def test_a_reader_is_indifferent_to_how_bytes_are_cut(size: int) -> None:
    reader = Reader()
    for piece in cut(REQUESTS, size):
        reader.feed(piece)
    assert reader.messages == READ


def test_what_has_not_come_yet_is_not_whole() -> None:
    reader = Reader()
    reader.feed(b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab")
    (message,) = reader.messages
    assert (message.body, message.whole) == (b"ab", False)


def test_a_request_line_and_host_become_a_request() -> None:
    request = READ[0].request
    assert (request.method, request.path, request.authority) == ("POST", "/a?b=c", "x")
    assert "host" not in request.headers
    assert request.body.data == b"abc"


@pytest.mark.parametrize(
    ("method", "wire", "expected"),
    [
        ("GET", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok"),
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 204 \r\n\r\n", b""),
        ("GET", b"HTTP/1.1 304 \r\ncontent-length: 9\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 \r\ncontent-length: 1\r\n\r\nx", b"x"),
    ],
)
def test_an_answer_ends_where_its_request_and_status_say(
    method: str, wire: bytes, expected: bytes
) -> None:
    reader = Reader([method])
    reader.feed(wire)
    (message,) = reader.messages
    assert (message.body, message.whole) == (expected, True)


def test_an_answer_without_length_lasts_until_the_connection_ends() -> None:
    reader = Reader(["GET"])
    reader.feed(b"HTTP/1.0 200 OK\r\n\r\nto the ")
    reader.feed(b"end")
    assert not reader.messages[0].whole
    reader.finish()
    assert (reader.messages[0].body, reader.messages[0].whole) == (b"to the end", True)


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", "expected name:value, got 'nonsense'"),
        (b"GET / HTTP/1.1\r\ncontent-length: many\r\n\r\n", "expected a number, got 'many'"),
        (b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", "a number, got 'xyz'"),
    ],
)
def test_what_is_no_http_is_an_error(wire: bytes, message: str) -> None:
    with pytest.raises(WireError, match=message):
        Reader().feed(wire)


def test_an_answer_that_nobody_asked_for_is_an_error() -> None:
    reader = Reader(["GET"])
    with pytest.raises(WireError, match="nobody asked for: status 500"):
        reader.feed(b"HTTP/1.1 204 \r\n\r\nHTTP/1.1 500 \r\n\r\n")


def test_a_head_is_exactly_its_fields() -> None:
    fields = Headers((("Host", "x"), ("x-é", "\udcff")))
    assert head("GET / HTTP/1.1", fields) == (
        b"GET / HTTP/1.1\r\nHost: x\r\nx-\xc3\xa9: \xff\r\n\r\n"
    )


def test_a_body_is_framed_as_its_fields_say() -> None:
    chunked = Headers((("transfer-encoding", "chunked"),))
    trailers = Headers((("x-t", "1"),))
    assert body(Headers(), [b"ab", b"", b"c"], Headers()) == [b"ab", b"c"]
    assert body(chunked, [b"ab", b"c"], trailers) == [
        b"2\r\nab\r\n",
        b"1\r\nc\r\n0\r\nx-t: 1\r\n\r\n",
    ]
    assert body(chunked, [], Headers()) == [b"0\r\n\r\n"]
