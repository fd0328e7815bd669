"""Where an answer ends, whatever pieces it comes in."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis.strategies import binary, lists

from mini_mesh.load.answer import MAX_HEAD, AnswerReader, NoAnswer

CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
WHOLE = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200),
    "empty": (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", 503),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    "chunks": (
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"3\r\nabc\r\n5;x=1\r\n01234\r\n0\r\n\r\n",
        200,
    ),
    "trailers": (b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"1\r\na\r\n0\r\nx: 1\r\n\r\n", 200),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 A\r\ncontent-length: 1\r\n\r\nz", 201),
}


@pytest.mark.parametrize("size", [1, 2, 7, 10**6])
@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_ends_with_its_last_byte(name: str, size: int) -> None:
    wire, status = WHOLE[name]
    reader = AnswerReader()
    for _ in range(2):  # a second one on the same connection
        reader.expect()
        pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
        assert [reader.receive(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert reader.status == status
        assert reader.reusable


def test_to_head_there_is_no_body() -> None:
    reader = AnswerReader()
    reader.expect(head=True)
    assert reader.receive(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")


def test_without_a_length_it_ends_when_the_connection_does() -> None:
    reader = AnswerReader()
    reader.expect()
    assert not reader.receive(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert reader.closed()


def test_a_connection_that_ends_early_gave_no_answer() -> None:
    reader = AnswerReader()
    reader.expect()
    reader.receive(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
    assert not reader.closed()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close", b"HTTP/1.0 200 OK"])
def test_a_connection_to_be_closed_is_not_used_again(head: bytes) -> None:
    reader = AnswerReader()
    reader.expect()
    assert reader.receive(head + b"\r\ncontent-length: 0\r\n\r\n")
    assert not reader.reusable


@pytest.mark.parametrize(
    "wire",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"x\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"fffffffff\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        b"x" * (MAX_HEAD + 1),
    ],
)
def test_what_is_no_answer_is_said_at_once(wire: bytes) -> None:
    with pytest.raises(NoAnswer):
        AnswerReader().receive(wire)


@given(lists(binary()))
def test_any_bytes_are_an_answer_or_none(pieces: list[bytes]) -> None:
    reader = AnswerReader()
    with contextlib.suppress(NoAnswer):
        for piece in [b"HTTP/1.1 200 OK\r\n" + CHUNKED, *pieces]:
            if reader.receive(piece):
                break
