"""One connection's events: which protocol, who is who, and what is missing."""

from __future__ import annotations

import pytest

from tap.sockets.connection import CLOSED, LOST, Connection
from tap.sockets.http2 import PREFACE
from tap.sockets.spoken import Spoken
from tap.sockets.traces import SocketEvent
from tests.tap.sockets.speaking import events
from tests.tap.sockets.test_http1 import GET, OK, told

BIG = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000


def connection(took: bool | None = None) -> Connection:
    return Connection(1000, "127.0.0.1:1", "127.0.0.1:2", took, 0.0)


def hear(one: Connection, given: list[SocketEvent]) -> list[Spoken]:
    return [spoken for event in given for spoken in one.receive(event, 0.0)]


def test_who_speaks_first_is_the_client() -> None:
    took, made = connection(), connection()
    assert len(hear(took, events((">", GET), ("<", OK)))) == 1
    assert took.took is True
    swapped = [
        SocketEvent("write" if each.kind == "read" else "read", each.data, 1.0, each.seq)
        for each in events((">", GET), ("<", OK))
    ]
    assert len(hear(made, swapped)) == 1
    assert made.took is False


def test_a_server_that_speaks_first_is_known_by_the_topology() -> None:
    one = connection(took=True)
    assert hear(one, events(("<", b"220 mail\r\n"), (">", b"EHLO\r\n"))) == []
    (spoken,) = one.close(CLOSED)
    assert told(spoken) == (None, b"EHLO\r\n", None, b"220 mail\r\n")


@pytest.mark.parametrize("first", [b"hello", b"\x16\x03\x01", b"PRI * HTTP/1.1", b"GET /", b"\n"])
def test_what_is_no_http_is_opaque(first: bytes) -> None:
    (spoken,) = hear(connection(), events((">", first), ("<", b"back"), ("x", b"")))
    assert told(spoken) == (None, first, None, b"back")
    assert spoken.details == ""


def test_http_is_told_by_its_first_line_in_any_pieces() -> None:
    pieces = [(">", GET[at : at + 1]) for at in range(len(GET))]
    assert len(hear(connection(), events(*pieces, ("<", OK)))) == 1
    one = connection()
    hear(one, events((">", PREFACE[:5]), (">", PREFACE[5:])))
    assert one.close(CLOSED) == []


def test_after_http_broke_the_rest_is_opaque_and_of_it_text_alone_is_kept() -> None:
    talk = events(
        (">", GET), ("<", OK), (">", b"NONSENSE\r\n\r\n\x1f\x8bgzip"), ("<", b"bad"), ("x", b"")
    )
    first, rest = hear(connection(), talk)
    assert told(first)[2] == "200"
    assert told(rest) == (None, b"NONSENSE\r\n\r\n", None, b"bad")
    assert rest.request is not None
    assert rest.request.body().truncated


def test_of_broken_http2_no_byte_is_kept_since_headers_may_hide_in_it() -> None:
    talk = events((">", PREFACE + b"\xff\xff\xff secret"), ("<", b"\0\0"), ("x", b""))
    (rest,) = hear(connection(), talk)
    assert rest.request is not None
    body = rest.request.body()
    assert (body.data, body.truncated, body.size) == (b"", True, 10)


def test_a_client_that_hangs_up_in_a_request_line_leaves_its_bytes() -> None:
    (cut,) = hear(connection(), events((">", b"GET / HTT"), ("x", b"")))
    assert told(cut) == (None, b"GET / HTT", None, b"")
    first, second = hear(connection(), events((">", GET + b"POST /x"), ("x", b"")))
    assert (first.details, told(second)) == (CLOSED, (None, b"POST /x", None, b""))


def test_an_event_that_was_cut_in_a_body_is_no_harm() -> None:
    one = connection()
    talk = events((">", GET), ("<", BIG), (">", GET), ("<", OK), ("x", b""), cut=100)
    first, second = hear(one, talk)
    assert first.response is not None
    assert (first.response.body().size, first.response.body().truncated) == (5000, True)
    assert told(second)[3] == b"ok"
    assert one.gaps == 0


def test_where_bytes_are_missing_that_are_needed_it_goes_on_at_the_next_request() -> None:
    one = connection()
    asked, answered, again, last, closed = events(
        (">", GET), ("<", OK), (">", GET), ("<", OK), ("x", b"")
    )
    assert hear(one, [asked]) == []
    (first,) = hear(one, [again])  # the response got lost
    assert (first.response, first.details, one.gaps) == (None, LOST, 1)
    (second,) = hear(one, [last, closed])
    assert told(second)[2] == "200"


def test_a_connection_joined_midway_begins_with_the_next_request() -> None:
    one = connection()
    one.join_midway()
    talk = events(("<", b"rest of a body"), (">", b"more"), (">", GET), ("<", OK))
    (spoken,) = hear(one, talk)
    assert (told(spoken)[2], one.gaps) == ("200", 1)


def test_a_side_that_was_cut_at_an_unknown_length_is_not_listened_to_any_more() -> None:
    one = connection()
    talk = [
        SocketEvent("read", GET + b"GET /b HT", 1.0, 0, truncated=True),
        SocketEvent("read", GET, 2.0),
        SocketEvent("write", OK, 3.0),
    ]
    assert [told(spoken)[2] for spoken in hear(one, talk)] == ["200"]
    assert one.gaps == 1
