"""A head that is read without h11 is read as h11 reads it."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap.sockets.head import request_head, response_head
from tap.sockets.http1 import Http1
from tap.sockets.spoken import Broken, Said
from tests.tap.sockets.speaking import heard

Told = tuple[object, ...]

NAME = st.sampled_from(
    ("a", "X-Plan", "Content-Length", "Transfer-Encoding", "host", "", "a b", "é")
)
VALUE = st.sampled_from(
    ("", "1", " 2 ", "3\t", "chunked", "a,b", "\x00", "x\r\n y", "é", "-1", "2, 2")
)
FIELDS = st.lists(st.tuples(NAME, VALUE), max_size=4)
FIRST = st.sampled_from(
    ("POST / HTTP/1.1", "HEAD /x?y HTTP/1.1", "get / HTTP/1.1", "GET / HTTP/1.0")
)
STATUS = st.sampled_from(
    (
        "HTTP/1.1 200 OK",
        "HTTP/1.1 204 ",
        "HTTP/1.1 304 x",
        "HTTP/1.1 100 c",
        "HTTP/1.1 200",
        "HTTP/2 1",
    )
)


def written(first: str, fields: list[tuple[str, str]]) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{first}\r\n{head}\r\n".encode()


def told(said: Said | None) -> Told:
    if said is None:
        return ()
    return said.fields.fields, bytes(said.data), said.size, said.end is not None


def outcome(asked: bytes, answered: bytes, size: int) -> list[Told]:
    """Byte by byte, no head is there at once, so all of it is h11's."""
    speech, found = Http1(1000), []
    try:
        found = heard(speech, [(">", asked), ("<", answered)], size)
    except Broken:
        found += [*speech.close(9.0, ""), *found]
        return [("broken",), *((told(one.request), told(one.response)) for one in found)]
    found += speech.close(9.0, "")
    return [(told(one.request), told(one.response)) for one in found]


@given(
    FIRST, FIELDS, STATUS, FIELDS, st.sampled_from((b"", b"1", b"abc", b"5\r\nhello\r\n0\r\n\r\n"))
)
@example("POST / HTTP/1.1", [("Content-Length", "1")], "HTTP/1.1 200 OK", [], b"1")
@example(
    "GET / HTTP/1.1", [("X-Plan", " 2 ")], "HTTP/1.1 200 OK", [("Content-Length", "3")], b"abc"
)
def test_it_makes_no_difference_who_read_it(
    first: str,
    asked: list[tuple[str, str]],
    status: str,
    answered: list[tuple[str, str]],
    body: bytes,
) -> None:
    request = written(first, [("host", "b"), *asked]) + body
    response = written(status, answered) + body
    at_once, slowly = outcome(request, response, 1 << 20), outcome(request, response, 1)
    if ("broken",) in slowly:  # what of a chunk was read before it broke depends on the pieces
        assert ("broken",) in at_once
    else:
        assert at_once == slowly


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nhost: a\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n folded: b\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
)
def test_what_leaves_a_doubt_is_left_to_h11(data: bytes) -> None:
    assert request_head(data) is None
    assert response_head(b"HTTP/1.1 200 OK\r\n\r\n", b"GET") is None  # ends with its connection
    assert response_head(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", b"GET") is None


@pytest.mark.parametrize("tail", [b" " * 60_000, b"\t \x00" * 20_000, b"a:" * 30_000])
def test_hostile_heads_take_no_time(tail: bytes) -> None:
    begun = time.process_time()
    request_head(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + tail + b"\x00\r\n\r\n")
    assert time.process_time() - begun < 1
