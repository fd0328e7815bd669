"""What the echo speaks: bytes of the protocols' own specifications, in any pieces."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_mesh.echo.spoken import SPOKEN

SET = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\nxy\r\n"
GET = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
# strict binary call "ping", number 7, of an empty struct
PING = bytes.fromhex("00000011 80010001 00000004 70696e67 00000007 00")
PONG = bytes.fromhex("0000001a 80010002 00000004 70696e67 00000007 0b0000 00000002 6d65 00")

TABLE = [
    ("tcp", b"one\ntwo\r\n", b"me: one\nme: two\n"),
    ("redis", b"*1\r\n$4\r\nping\r\n", b"+PONG\r\n"),
    ("redis", SET + GET, b"+OK\r\n$2\r\nxy\r\n"),
    ("redis", GET, b"$2\r\nme\r\n"),
    ("redis", b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n" * 2, b":1\r\n:2\r\n"),
    ("redis", SET + b"*2\r\n$3\r\nDEL\r\n$1\r\na\r\n", b"+OK\r\n:1\r\n"),
    ("redis", b"*1\r\n$5\r\nFLUSH\r\n", b"-ERR unknown command\r\n"),
    ("redis", b"*2\r\n$3\r\nSET\r\n$1\r\na\r\n", b"-ERR wrong arguments\r\n"),
    ("thrift", PING, PONG),
]


@pytest.mark.parametrize(("protocol", "asked", "said"), TABLE)
@pytest.mark.parametrize("size", [1, 3, 10**6])
def test_a_question_is_answered_whatever_its_pieces(
    protocol: str, asked: bytes, said: bytes, size: int
) -> None:
    session = SPOKEN[protocol].session("me")
    pieces = (asked[i : i + size] for i in range(0, len(asked), size))
    assert b"".join(session.receive(piece) for piece in pieces) == said


@pytest.mark.parametrize(
    ("protocol", "junk"),
    [
        ("tcp", b"x" * 100_000),
        ("redis", b"GET a\r\n"),
        ("redis", b"*1\r\n+x\r\n"),
        ("redis", b"*99999\r\n"),
        ("redis", b"*1\r\n$-5\r\n"),
        ("redis", b"*0\r\n"),
        ("redis", b"*" + b"1" * 100),
        ("thrift", b"GET / HTTP/1.1\r\n\r\n"),
        ("thrift", b"\0\0\0\4\0\0\0\0"),
    ],
)
def test_what_can_not_be_read_is_an_error(protocol: str, junk: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        SPOKEN[protocol].session("me").receive(junk)


@pytest.mark.parametrize("protocol", SPOKEN)
@given(junk=st.binary(max_size=200))
def test_any_bytes_are_answered_or_an_error(protocol: str, junk: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(SPOKEN[protocol].session("me").receive(junk), bytes)


@pytest.mark.parametrize(
    ("protocol", "told"), [("tcp", "me: /x"), ("redis", "me"), ("thrift", "me")]
)
def test_our_own_question_has_an_answer_that_is_whole_only_at_its_end(
    protocol: str, told: str
) -> None:
    spoken = SPOKEN[protocol]
    answer = spoken.session("me").receive(spoken.question("/x"))
    assert [spoken.answered(answer[:n]) for n in range(len(answer))] == [None] * len(answer)
    assert spoken.answered(answer) == told
