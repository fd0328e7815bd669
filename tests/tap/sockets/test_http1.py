"""HTTP/1.1 by somebody who looks on."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap.sockets.http1 import Http1
from tap.sockets.spoken import MAX_HEAD, MAX_WAITING, Broken, OutOfStep, Spoken
from tests.tap.sockets.speaking import heard

GET = b"GET /a?x=1 HTTP/1.1\r\nHost: reviews\r\nX-Plan: team\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = (
    b"POST /c HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n"
    b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nx-sum: 9\r\n\r\n"
)
TALK = [
    (">", GET),
    ("<", OK),
    (">", CHUNKED + GET),  # pipelined
    ("<", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n" + OK),
    (">", b"HEAD /h HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("<", b"HTTP/1.1 200 OK\r\ncontent-length: 20000\r\n\r\n"),
]


def told(spoken: Spoken) -> tuple[str | None, bytes, str | None, bytes]:
    request, response = spoken.request, spoken.response
    return (
        request.fields.get(":path") if request else None,
        bytes(request.data) if request else b"",
        response.fields.get(":status") if response else None,
        bytes(response.data) if response else b"",
    )


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_each_request_has_its_response_however_the_bytes_are_cut(size: int) -> None:
    assert [told(one) for one in heard(Http1(100), TALK, size)] == [
        ("/a?x=1", b"", "200", b"ok"),
        ("/c", b"hello world", "201", b""),
        ("/a?x=1", b"", "200", b"ok"),
        ("/h", b"", "200", b""),
    ]


def test_names_times_and_trailers_are_those_of_the_wire() -> None:
    first, second, *_ = heard(Http1(100), TALK)
    assert first.request is not None
    assert first.response is not None
    assert first.request.fields.fields == (
        (":method", "GET"),
        (":path", "/a?x=1"),
        (":authority", "reviews"),
        ("x-plan", "team"),
    )
    assert (first.request.begin, first.response.begin, first.response.end) == (0.0, 1.0, 1.0)
    assert second.request is not None
    assert second.request.trailers.fields == (("x-sum", "9"),)


def test_a_body_is_kept_up_to_the_bound_and_its_size_is_known() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000
    (spoken,) = heard(Http1(10), [(">", GET), ("<", answer)])
    assert spoken.response is not None
    body = spoken.response.body()
    assert (body.data, body.truncated, body.size) == (b"x" * 10, True, 5000)


def test_a_response_without_length_ends_with_its_connection() -> None:
    speech = Http1(100)
    assert heard(speech, [(">", GET), ("<", b"HTTP/1.1 200 OK\r\n\r\nall of it")]) == []
    (spoken,) = speech.close(5.0, "closed")
    assert told(spoken) == ("/a?x=1", b"", "200", b"all of it")
    assert spoken.details == ""


def test_a_client_that_hangs_up_leaves_a_request_without_response() -> None:
    speech = Http1(100)
    heard(speech, [(">", GET + b"POST / HT")])
    assert speech.unread == b"POST / HT"
    (spoken,) = speech.close(5.0, "closed")
    assert (told(spoken), spoken.details) == (("/a?x=1", b"", None, b""), "closed")


def test_after_an_upgrade_the_bytes_are_the_bodies() -> None:
    upgrade = b"GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    switch = b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    speech = Http1(100)
    assert (
        heard(speech, [(">", upgrade + b"early"), ("<", switch + b"\x81"), (">", b"-late")]) == []
    )
    (spoken,) = speech.close(9.0, "closed")
    assert told(spoken) == ("/ws", b"early-late", "101", b"\x81")


def test_after_an_upgrade_that_was_refused_http_goes_on() -> None:
    upgrade = b"GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    found = heard(Http1(100), [(">", upgrade + GET), ("<", OK + OK)])
    assert [told(one)[0] for one in found] == ["/ws", "/a?x=1"]


def test_a_response_to_nothing_is_one_without_a_request() -> None:
    (spoken,) = heard(Http1(100), [("<", b"HTTP/1.1 408 Timeout\r\ncontent-length: 0\r\n\r\n")])
    assert told(spoken) == (None, b"", "408", b"")


def test_what_is_broken_says_where_and_what_came_before_is_kept() -> None:
    speech = Http1(100)
    with pytest.raises(Broken, match="illegal") as raised:
        heard(speech, [(">", GET + GET), ("<", OK + b"NONSENSE\r\n\r\n")])
    assert raised.value.unread == b"NONSENSE\r\n\r\n"
    assert [told(one)[2] for one in speech.close(3.0, "closed")] == ["200", None]


def test_bytes_that_are_missing_in_a_body_of_known_length_are_no_harm() -> None:
    speech = Http1(100)
    heard(speech, [(">", GET), ("<", b"HTTP/1.1 200 OK\r\ncontent-length: 500000\r\n\r\nbegin")])
    (spoken,) = speech.miss(False, 499_995, 3.0)
    assert spoken.response is not None
    body = spoken.response.body()
    assert (body.data, body.truncated, body.size) == (b"begin", True, 500_000)
    assert [told(one)[0] for one in heard(speech, [(">", GET), ("<", OK)])] == ["/a?x=1"]


@pytest.mark.parametrize("talk", [[(">", b"GET /")], [(">", CHUNKED[:90])], [(">", GET)]])
def test_anywhere_else_they_are(talk: list[tuple[str, bytes]]) -> None:
    speech = Http1(100)
    heard(speech, talk)
    with pytest.raises(OutOfStep):
        speech.miss(True, 10, 1.0)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * (MAX_HEAD + 100),
        GET * (MAX_WAITING + 1),
        b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: x\r\n\r\n" + b"x" * (MAX_HEAD + 1),
    ],
)
def test_what_waits_is_bounded(data: bytes) -> None:
    with pytest.raises(Broken):
        heard(Http1(100), [(">", data)])


@given(st.lists(st.tuples(st.sampled_from("<>"), st.binary(max_size=40)), max_size=6))
@example([(">", GET), ("<", b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n")])
@example([("<", OK), (">", b"\r\n\r\n\r\n"), (">", GET)])
def test_any_bytes_are_http_or_broken(talk: list[tuple[str, bytes]]) -> None:
    speech = Http1(10)
    with suppress(Broken):
        heard(speech, [(">", GET[:30]), *talk])
    speech.close(1.0, "closed")
    assert speech.held < 200
