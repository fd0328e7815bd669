"""What can't be opened, or only in part; what frames and messages become."""

from __future__ import annotations

import gzip
import zlib

import pytest

from mesh_traffic import Body, Exchange, Headers, Request, replace
from tap.redact import Redactor, RuleBook, Rules
from tap.redact.protobuf import grpc_messages, message_spans
from tap.redact.websocket import clear, frames, written
from tests.tap.redact.planted import (
    FORM,
    JSON,
    LOOKS,
    answer,
    deflated,
    grpc,
    in_json,
    masked,
    protobuf,
    websocket,
)

REDACT = Redactor(key=b"key")
TOKEN, SECRET = LOOKS["bearer"]


def body(exchange: Exchange, redact: Redactor = REDACT) -> Body:
    got = redact(exchange).response
    assert got is not None
    return got.body


def test_a_bomb_is_opened_as_far_as_is_allowed() -> None:
    sent = answer(gzip.compress(b"0" * 50_000_000), JSON, content_encoding="gzip")
    assert len(body(sent).data) == 1024 * 1024
    assert body(sent).truncated
    assert body(sent).size is None


def test_a_coding_that_nobody_can_undo_hides_the_body() -> None:
    sent = answer(b"\0\1" + TOKEN.encode(), JSON, content_encoding="exi")
    assert body(sent) == Body(b"[redacted: 24 bytes of exi that can't be decoded]", True, None)


def test_a_header_that_lies_about_readable_text_is_no_reason_to_hide_it() -> None:
    sent = answer(f'{{"a": "{TOKEN}"}}'.encode(), JSON, content_encoding="gzip")
    assert body(sent).data == b'{"a": "Bearer ' + REDACT.mark(SECRET).encode() + b'"}'
    plain = answer(b'{"a": 1}', JSON, content_encoding="gzip")
    assert REDACT(plain) == plain


def test_what_comes_after_a_compressed_stream_is_left_out() -> None:
    sent = answer(gzip.compress(b"{}") + TOKEN.encode(), JSON, content_encoding="gzip")
    assert (body(sent).data, body(sent).truncated) == (b"{}", True)


def test_a_compressed_body_without_secrets_stays_compressed() -> None:
    sent = answer(gzip.compress(in_json("nothing")), JSON, content_encoding="gzip")
    assert REDACT(sent) == sent


def test_json_that_is_sent_as_a_form_stays_json() -> None:
    sent = answer(b'{"a": "x&token=1", "password": "p&q=1"}', FORM)
    mark = REDACT.mark("p&q=1").encode()
    assert body(sent).data.endswith(b'"password": "' + mark + b'"}')


def test_paths_are_found_by_service() -> None:
    book = RuleBook(
        services={"pay": Rules(paths=("user.books[*].number",)), "old": Rules(off=True)}
    )
    redact = Redactor(book, key=b"key")
    sent = answer(b'{"user": {"books": [{"number": 12, "n": 1}]}, "pin": "9"}', JSON)
    to = {
        name: replace(sent, destination=replace(sent.destination, service=name))
        for name in ("pay", "old", "x")
    }
    mark = f'"{redact.mark("12")}"'.encode()
    assert mark in body(to["pay"], redact).data
    assert b'"number": 12' in body(to["x"], redact).data
    assert b'"pin": "9"' not in body(to["x"], redact).data
    assert redact(to["old"]) is to["old"]


def test_a_secret_of_one_body_is_gone_from_the_other_and_from_the_path() -> None:
    asked = Request("POST", "/login/s3cr3t%2Fw", body=Body(b'{"password": "s3cr3t/w"}'))
    answered = answer(rb'{"hello": "you sent s3cr3t\/w or s3cr3t/w"}', JSON)
    got = REDACT(replace(answered, request=asked))
    assert got.request.path == f"/login/{REDACT.mark('s3cr3t/w').replace(' ', '+')}"
    assert b"s3cr3t" not in body(replace(answered, request=asked)).data


def test_more_secrets_than_can_be_looked_for_hide_what_might_repeat_them() -> None:
    cookie = "; ".join(f"a{number}=secret{number}" for number in range(3000))
    asked = Request("GET", "/secret17", headers=Headers.of({"cookie": cookie, "x-a": "secret5"}))
    got = REDACT(replace(answer(b"secret17", "text/plain"), request=asked))
    assert got.response is not None
    assert got.response.body.data == b"[redacted: 3,000 secrets in one exchange]"
    assert "secret" not in got.request.path.replace("secrets in", "")
    assert got.request.headers.get("x-a") == "[redacted: 3,000 secrets in one exchange]"


def test_many_secrets_are_looked_for_at_once() -> None:
    cookie = "; ".join(f"a{number}=secret{number}x" for number in range(50))
    asked = Request(headers=Headers.of({"cookie": cookie}))
    got = body(replace(answer(b"see secret17x, secret4", "text/plain"), request=asked))
    assert got.data == f"see {REDACT.mark('secret17x')}, secret4".encode()


def test_a_user_in_an_authority_is_gone_from_it() -> None:
    got = REDACT(replace(answer(b""), request=Request(authority="jason:pw@reviews:80")))
    assert got.request.authority == REDACT.mark("jason:pw").replace(" ", "+") + "@reviews:80"


@pytest.mark.parametrize(
    "url", ["postgres%3A//app%3As3cr3t-pw%40db", "postgres://app:s3cr3t-pw@db"]
)
@pytest.mark.parametrize("rest", ["/1", "/a%20b/1", ""])
def test_a_password_in_a_path_is_gone_however_much_of_it_is_encoded(url: str, rest: str) -> None:
    got = REDACT(replace(answer(b""), request=Request(path=f"/go/{url}{rest}")))
    assert "s3cr3t" not in got.request.path
    assert got.request.path.startswith("/go/postgres")


def test_a_request_id_that_is_a_token_is_gone() -> None:
    got = REDACT(replace(answer(b""), request_id=LOOKS["jwt"][1]))
    assert got.request_id == REDACT.mark(LOOKS["jwt"][1])


def test_the_same_value_has_the_same_mark_wherever_it_stands() -> None:
    asked = Request(
        path="/?token=abc%2Fdef1",
        headers=Headers.of({"x-token": "abc/def1"}),
        body=Body(b'{"token": "abc/def1"}'),
    )
    got = REDACT(replace(answer(rb'{"token": "abc\/def1"}', JSON), request=asked))
    mark = REDACT.mark("abc/def1")
    assert got.request.path == "/?token=" + mark.replace(" ", "+")
    assert got.request.headers.get("x-token") == mark
    assert got.request.body.text == f'{{"token": "{mark}"}}'
    assert got.response is not None
    assert got.response.body.text == f'{{"token": "{mark}"}}'


@pytest.mark.parametrize("length", [*range(12)])
def test_a_mark_of_the_same_length_fits_any_value(length: int) -> None:
    message = protobuf(b'{"pin":"' + b"7" * length + b'"}', b"after")
    got = body(answer(message, "application/protobuf")).data
    assert len(got) == len(message)
    assert got.endswith(protobuf(b"", b"after")[2:])
    assert length < 1 or b"7" * length not in got


def test_a_grpc_message_that_was_inflated_says_so() -> None:
    sent = answer(
        grpc(gzip.compress(protobuf(SECRET.encode())), 1) + grpc(protobuf(TOKEN.encode())),
        "application/grpc",
        grpc_encoding="gzip",
    )
    data = body(sent).data
    assert [(flag, cut) for flag, _, _, cut in grpc_messages(data)] == [(0, False), (0, False)]
    assert SECRET.encode() not in data


def test_the_spans_of_a_message_are_its_fields_and_theirs() -> None:
    inner = protobuf(b"abc")
    data = protobuf(b"\xff\xff", inner)
    assert [data[a:b] for a, b in message_spans(data, 0, len(data))] == [
        b"\xff\xff",
        b"abc",
        inner,
        data,
    ]
    assert message_spans(b"\xff", 0, 1) == [(0, 1)]


def test_frames_are_written_anew_in_clear() -> None:
    assert clear(masked(b"hello") + written(9, b"ping"), "") == (
        written(1, b"hello") + written(9, b"ping"),
        True,
    )
    assert clear(deflated(b"hello"), "permessage-deflate") == (written(1, b"hello"), True)
    first, second = written(1, b"hel"), written(0, b"lo")
    assert clear(bytes((first[0] & 0x7F,)) + first[1:] + second, "") == (written(1, b"hello"), True)
    assert clear(b"\xc1\x05wrong", "permessage-deflate")[1] is False


def test_a_websocket_keeps_its_frames() -> None:
    long = TOKEN + " x" * 40_000
    got = REDACT(websocket(masked(long.encode()), deflated(long.encode())))
    assert got.response is not None
    for one in (got.request.body.data, got.response.body.data):
        (frame,) = frames(one)
        mark = f"[{REDACT.mark(SECRET)[10:16]}.......]"
        assert frame.payload.decode() == long.replace(SECRET, mark)


def test_context_is_taken_over_from_message_to_message() -> None:
    it = zlib.compressobj(wbits=-15)
    sent = b""
    for text in (TOKEN, TOKEN):
        packed = (it.compress(text.encode()) + it.flush(zlib.Z_SYNC_FLUSH)).removesuffix(
            b"\0\0\xff\xff"
        )
        frame = written(1, packed)
        sent += bytes((frame[0] | 0x40,)) + frame[1:]
    got = REDACT(websocket(b"", sent)).response
    assert got is not None
    assert SECRET.encode() not in b"".join(frame.payload for frame in frames(got.body.data))
