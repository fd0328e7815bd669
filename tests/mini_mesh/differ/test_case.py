"""A case is what both engines get, whatever it was made of."""

from __future__ import annotations

from mesh_traffic import Body, Headers, Request, Response
from mini_mesh.differ.case import DATE, MAX_BODY, cut_at, make_case
from mini_mesh.filter_rig.wire import PIECE


def test_fields_of_the_connection_are_made_anew() -> None:
    given = Headers(
        (
            ("Connection", "keep-alive"),
            ("Content-Length", "99"),
            ("Transfer-Encoding", "gzip, chunked"),
            ("TE", "trailers"),
            ("Host", "elsewhere"),
            (":authority", "x"),
            ("X-A", " 1 "),
        )
    )
    case = make_case("", Request("POST", "/", "x", headers=given, body=Body(b"abc")))
    assert case.request.headers == Headers((("x-a", "1"), ("content-length", "3")))
    assert case.request.authority == "x"


def test_what_envoy_would_refuse_is_left_out_or_quoted() -> None:
    given = Headers((("a b", "1"), ("x", "a\r\nb"), ("y", "tab\tok"), ("", "1")))
    case = make_case("", Request("GET", "/ü b", "x", headers=given))
    assert case.request.path == "/%C3%BC%20b"
    assert case.request.headers == Headers((("y", "tab\tok"),))


def test_trailers_and_chunks_need_no_length() -> None:
    trailers = Headers((("x-t", "1"),))
    with_trailers = make_case("", Request("POST", "/", "x", trailers=trailers))
    assert with_trailers.request.headers.get("transfer-encoding") == "chunked"
    chunked = make_case("", Request("POST", "/", "x", body=Body(b"a")), chunked=True)
    assert chunked.request.headers == Headers((("transfer-encoding", "chunked"),))
    assert "content-length" in make_case("", Request("POST"), chunked=True).request.headers


def test_get_has_no_length_without_a_body() -> None:
    assert make_case("", Request("GET")).request.headers == Headers()
    assert make_case("", Request("POST")).request.headers.get("content-length") == "0"


def test_an_answer_without_body_has_none() -> None:
    for status in (204, 304):
        answer = Response(status, body=Body(b"x"), trailers=Headers((("t", "1"),)))
        case = make_case("", Request(), answer)
        assert case.answer == Response(status, Headers((("date", DATE),)))


def test_a_large_body_is_cut() -> None:
    case = make_case("", Request("POST", body=Body(bytes(MAX_BODY + 1))))
    assert len(case.request.body.data) == MAX_BODY


def test_no_piece_is_larger_than_one_read() -> None:
    assert [len(piece) for piece in cut_at(bytes(40_000), [1, 20_000])] == [
        1,
        PIECE,
        20_000 - PIECE,
        PIECE,
        40_000 - 1 - 20_000 - PIECE,
    ]
    assert cut_at(b"abc", [2]) == [b"ab", b"c"]
    assert cut_at(b"", [2]) == []
