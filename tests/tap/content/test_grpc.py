"""gRPC bodies: with descriptors by names, without by numbers, and gRPC-web."""

from __future__ import annotations

import base64
import gzip
import zlib
from typing import Any

import pytest

from tap.content import decoded, view
from tap.content.grpc import CODES, MAX_MESSAGES, MAX_NAMED
from tests.tap.content.given import answered, framed, made, message, schema, sent

GRPC = "application/grpc"
REPLY = message("HelloReply", text="hello", length=5)


def test_a_message_is_decoded_by_names() -> None:
    shown = view(answered(framed(REPLY), GRPC), "response", schema())
    assert shown.kind == "grpc example.Greeter/Hello"
    assert shown.text == '{\n  "text": "hello",\n  "length": 5\n}'
    assert shown.value == {"messages": [{"text": "hello", "length": 5}]}
    assert shown.notes == ()


def test_without_descriptors_it_is_decoded_by_numbers() -> None:
    shown = view(answered(framed(REPLY), f"{GRPC}+proto"), "response")
    assert shown.kind == "grpc example.Greeter/Hello"
    assert shown.text == '1: "hello"\n2: 5'
    assert shown.value == {"messages": [{"1": "hello", "2": 5}]}


def test_a_method_that_nobody_described_is_decoded_by_numbers_with_a_note() -> None:
    exchange = answered(framed(REPLY), GRPC)
    other = type(exchange)("1", "", type(exchange.request)("POST", "/a.B/C"), exchange.response)
    shown = view(other, "response", schema())
    assert shown.value == {"messages": [{"1": "hello", "2": 5}]}
    assert shown.notes == ("message 1: no descriptor of a.B/C",)


def test_a_stream_has_a_line_before_each_message() -> None:
    shown = view(answered(framed(REPLY) * 2 + framed(b""), GRPC), "response")
    assert shown.text.splitlines() == [
        "-- message 1 of 3",
        '1: "hello"',
        "2: 5",
        "-- message 2 of 3",
        '1: "hello"',
        "2: 5",
        "-- message 3 of 3",
    ]


@pytest.mark.parametrize(
    ("coding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_message_is_expanded(coding: str, encode: Any) -> None:
    body = framed(encode(REPLY), flags=1) + framed(REPLY)
    shown = view(answered(body, GRPC, grpc_encoding=coding), "response", schema())
    assert shown.value["messages"] == [{"text": "hello", "length": 5}] * 2
    assert shown.notes == ()


@pytest.mark.parametrize(
    ("coding", "note"),
    [
        ("", "message 1: compressed, without grpc-encoding"),
        ("snappy", "message 1: unknown content coding 'snappy', expected one of "),
        ("gzip", "message 1: gzip: broken: "),
    ],
)
def test_a_message_that_cannot_be_expanded_says_why(coding: str, note: str) -> None:
    shown = view(answered(framed(b"junk junk", flags=1), GRPC, grpc_encoding=coding), "response")
    assert shown.notes[0].startswith(note)
    assert shown.kind.startswith("grpc")


def test_a_message_that_is_cut_off_has_the_fields_before_the_cut() -> None:
    body = framed(message("HelloReply", text="hello", length=300))[:-1]
    shown = view(answered(body, GRPC), "response", schema())
    assert shown.value == {"messages": [{"text": "hello"}]}
    assert shown.notes == (
        "message 1: 1 of its bytes are missing",
        "message 1: cut off: 2 bytes of an unfinished field left out",
    )


def test_an_error_has_its_status_in_words_and_no_body() -> None:
    status = {"grpc-status": "5", "grpc-message": "no%20greeting for Zo%C3%AB"}
    shown = view(answered(b"", GRPC, trailers=status), "response")
    assert shown.text == "status NOT_FOUND  no greeting for Zoë"
    assert shown.value["status"] == {
        "code": 5,
        "name": "NOT_FOUND",
        "message": "no greeting for Zoë",
    }
    only_headers = view(answered(b"", GRPC, **status), "response")
    assert only_headers.text == shown.text


def test_the_details_of_a_status_are_decoded_by_numbers() -> None:
    details = base64.b64encode(b"\x08\x05\x12\x02no").decode().rstrip("=")
    trailers = {"grpc-status": "5", "grpc-status-details-bin": details}
    shown = view(answered(b"", GRPC, trailers=trailers), "response")
    assert shown.value["status"]["details"] == {"1": 5, "2": "no"}


def test_the_codes_are_those_of_grpcio() -> None:
    import grpc

    assert {one.value[0]: one.name for one in grpc.StatusCode} == dict(enumerate(CODES))


def test_json_over_grpc_is_json() -> None:
    shown = view(answered(framed(b'{"a":1}'), f"{GRPC}+json"), "response")
    assert shown.value == {"messages": [{"a": 1}]}


@pytest.mark.parametrize("chunks", [1, 3])
def test_grpc_web_has_its_trailers_in_the_body_and_may_be_base64(chunks: int) -> None:
    body = framed(REPLY) + framed(b"grpc-status: 5\r\ngrpc-message: no\r\n", flags=0x80)
    plain = view(answered(body, f"{GRPC}-web+proto"), "response", schema())
    assert plain.kind == "grpc-web example.Greeter/Hello"
    assert plain.value["messages"] == [{"text": "hello", "length": 5}]
    assert plain.value["status"]["name"] == "NOT_FOUND"
    size = len(body) // chunks + 1
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    text = b"".join(base64.b64encode(part) for part in parts)
    assert view(answered(text, f"{GRPC}-web-text"), "response", schema()).value == plain.value


def test_a_body_that_is_a_message_is_protobuf() -> None:
    shown = view(answered(REPLY, "application/x-protobuf"), "response", schema())
    assert (shown.kind, shown.value) == ("protobuf", {"text": "hello", "length": 5})


def test_what_is_no_grpc_says_so() -> None:
    shown = view(answered(b"upstream connect error", GRPC), "response")
    assert shown.kind == "text"
    assert shown.notes == ("no gRPC: a frame with the flags 0x75 at byte 0",)


def test_bytes_that_do_not_fit_their_descriptor_are_shown_by_number() -> None:
    shown = view(answered(framed(b"\x0a\x02\xff\xfe"), GRPC), "response", schema())
    assert shown.value == {"messages": [{"1": {"hex": "fffe"}}]}
    assert shown.notes == ("message 1: not decoded by names: no example.HelloReply",)


def test_streams_and_messages_without_end_are_bounded() -> None:
    many = view(answered(framed(b"") * (MAX_MESSAGES + 1), GRPC), "response")
    assert len(many.value["messages"]) == MAX_MESSAGES
    assert many.notes == (f"only the first {MAX_MESSAGES:,} messages are shown",)
    large = message("HelloReply", text="x" * MAX_NAMED)
    assert view(answered(framed(large), GRPC), "response", schema()).notes[0] == (
        f"message 1: not decoded by names: more than {MAX_NAMED:,} bytes in all"
    )


def test_decoded_is_plain_json_with_both_sides() -> None:
    request = made("HelloRequest")(numbers=[1, 2])
    exchange = sent(framed(request.SerializeToString()), GRPC)
    told = decoded(exchange, schema())
    assert told["response"] is None
    assert told["request"]["kind"] == "grpc example.Greeter/Hello"
    assert told["request"]["value"] == {"messages": [{"numbers": ["1", "2"]}]}
